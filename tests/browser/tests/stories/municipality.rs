//! A municipal clerk sends scans and follows them, by keyboard.

use std::{fs, path::PathBuf};

use anyhow::Context;
use kakehashi_browser::{Browser, Key, Party, World};
use kakehashi_kit::{Press, filled, hostile};

/// Two forms that the demo has not sent, and a file that is no PDF.
fn files(world: &World) -> anyhow::Result<Vec<PathBuf>> {
    let folder = world.folder().join("scans");
    fs::create_dir_all(&folder)?;
    let mut press = Press::new();
    let mut files = Vec::new();
    for index in [101, 102] {
        let path = folder.join(format!("窓口A-{index}.pdf"));
        fs::write(&path, press.scan(&filled(7, index))?)?;
        files.push(path);
    }
    let path = folder.join("窓口A-103.pdf");
    fs::write(&path, hostile::not_a_pdf(3))?;
    files.push(path);
    Ok(files)
}

/// The status in the list, by file name.
fn status_of(file: &str) -> String {
    format!(
        "[...document.querySelectorAll('#table tbody tr')]
            .find((row) => row.innerText.includes('{file}'))?.querySelector('.tag')?.innerText"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_municipal_clerk_sends_scans_and_follows_them() -> anyhow::Result<()> {
    let world = World::start(8, &super::pictures()).await?;
    let browser = world.browser(Party::Municipality).await?;
    browser.go("/").await?;
    browser.arrive("/scans").await?;
    browser.examine("scans-before").await?;

    send(&browser, &world).await?;
    refused_with_a_remedy(&browser).await?;
    one_scan(&browser).await?;

    browser.close().await?;
    world.stop().await
}

async fn send(browser: &Browser, world: &World) -> anyhow::Result<()> {
    // A mark that a reload would wipe off.
    browser.ask::<()>("window.sameDocument = true; return null;").await?;
    browser.tab_to(|focus| focus.id == "files").await?;
    browser.choose_files("files", &files(world)?).await?;
    // The network is away when the clerk presses the button, and comes back.
    browser.unplug().await?;
    browser.choose("3件を送信").await?;
    browser.wait("document.querySelector('#upload-rows').innerText.includes('つなぎ直し')").await?;
    browser.plug_in().await?;

    let receipts = "[...document.querySelectorAll('#upload-rows .receipt')]
        .filter((cell) => /R-[0-9]{8}-[0-9]+/.test(cell.innerText)).length === 3";
    browser.wait(receipts).await?;
    let digests = "[...document.querySelectorAll('#upload-rows [title]')]
        .filter((cell) => /^SHA-256 [0-9a-f]{64}$/.test(cell.title)).length === 3";
    browser.wait(digests).await?;
    for file in ["101", "102"] {
        let status = status_of(&format!("窓口A-{file}.pdf"));
        browser.wait(&format!("/^電子化待ち/.test({status})")).await?;
    }
    browser.wait(&format!("{} === '差し戻し'", status_of("窓口A-103.pdf"))).await?;
    assert!(browser.ask::<bool>("return window.sameDocument === true;").await?);
    browser.examine("scans").await
}

async fn refused_with_a_remedy(browser: &Browser) -> anyhow::Result<()> {
    let rows = browser.texts("#table tbody tr").await?;
    let row = rows.iter().find(|row| row.contains("窓口A-103.pdf"));
    let row = row.context("the refused scan is not listed")?;
    assert!(row.contains("PDF"), "{row}");
    assert!(row.contains("ください"), "no remedy: {row}");
    Ok(())
}

async fn one_scan(browser: &Browser) -> anyhow::Result<()> {
    let receipt: String = browser
        .ask(
            "return [...document.querySelectorAll('#table tbody tr')]
                .find((row) => row.innerText.includes('窓口A-101.pdf'))
                .querySelector('a').innerText;",
        )
        .await?;
    browser.choose(&receipt).await?;
    browser.wait("location.pathname.startsWith('/scans/')").await?;
    let history = browser.texts("ol li").await?;
    assert!(history[0].contains("受け付けました"), "{history:?}");
    assert!(history[1].contains("検査を通りました"), "{history:?}");
    browser.examine("scan").await?;

    // The clerk sees that it is the wrong person's form and takes it back.
    browser.tab_to(|focus| focus.tag == "summary").await?;
    browser.press(&[Key::Enter]).await?;
    browser.choose("取り下げる").await?;
    browser.wait("document.querySelector('h1 ~ p .tag, .tag')?.innerText === '取下げ'").await?;
    browser.examine("scan-withdrawn").await?;
    browser.tab_to(|focus| focus.text == "一覧へ戻る").await?;
    browser.press(&[Key::Enter]).await?;
    browser.arrive("/scans").await
}
