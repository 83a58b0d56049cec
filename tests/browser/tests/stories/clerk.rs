//! A municipal clerk compares what was keyed with the page images.

use kakehashi_browser::{Browser, Party, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_reads_values_beside_the_page_images() -> anyhow::Result<()> {
    let world = World::start(12, &super::pictures()).await?;
    let browser = world.browser(Party::Municipality).await?;
    browser.go("/records").await?;
    browser.arrive("/sign-in").await?;
    browser.tab_to(|focus| focus.id == "login").await?;
    browser.write("clerk").await?;
    browser.tab_to(|focus| focus.id == "password").await?;
    browser.write(&world.accounts.clerk).await?;
    browser.choose("ログイン").await?;
    browser.arrive("/records").await?;
    browser.examine("records").await?;

    record_with_page_images(&browser).await?;
    english_and_back(&browser).await?;
    linked_record(&browser).await?;

    browser.close().await?;
    world.stop().await
}

async fn record_with_page_images(browser: &Browser) -> anyhow::Result<()> {
    browser.choose("開く").await?;
    browser.wait("location.pathname.startsWith('/records/')").await?;
    browser.wait("[...document.images].length > 1").await?;
    browser.wait("document.images[0].complete && document.images[0].naturalWidth > 300").await?;
    assert!(browser.texts("table.values tr").await?.len() > 20);
    assert!(!browser.texts("#history ~ *").await?.is_empty());
    let text = browser.texts("main").await?.concat();
    assert!(text.contains("機械判定"), "{text}");
    // Beside each other, not below.
    let is_beside = "return document.images[0].getBoundingClientRect().left
        >= document.querySelector('table.values').getBoundingClientRect().right;";
    assert!(browser.ask::<bool>(is_beside).await?);
    browser.examine("record").await
}

async fn english_and_back(browser: &Browser) -> anyhow::Result<()> {
    let path = browser.path().await?;
    browser.choose("English").await?;
    browser.wait("document.documentElement.lang === 'en'").await?;
    assert!(browser.path().await?.starts_with(&path));
    browser.examine("record-english").await?;
    // The choice stays for the next page.
    browser.choose("Records").await?;
    browser.arrive("/records").await?;
    browser.wait("document.documentElement.lang === 'en'").await?;
    browser.choose("日本語").await?;
    browser.wait("document.documentElement.lang === 'ja'").await
}

async fn linked_record(browser: &Browser) -> anyhow::Result<()> {
    let path: String = browser
        .ask(
            "return [...document.querySelectorAll('tbody tr')]
                .find((row) => row.innerText.includes('⇄')).querySelector('a').pathname;",
        )
        .await?;
    browser.go(&path).await?;
    browser.choose("違いを見る").await?;
    browser.wait("location.hash === '#comparison'").await?;
    assert!(browser.texts("table.compare tr").await?.len() > 1);
    browser.examine("record-comparison").await
}
