//! A doctor writes a form without touching the mouse.

use kakehashi_browser::{Browser, Focus, Key, Party, World};
use kakehashi_forms::{Answer, Application, Value};
use kakehashi_kit::{FilledForm, definition, filled};

/// More presses than any list has options.
const OPTIONS_MAX: usize = 64;

/// A form for a new application that the demo has not entered.
fn form() -> FilledForm {
    let mut forms = (500..600).map(|index| filled(7, index));
    forms.find(|form| form.application == Application::New).expect("two in five are new")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_writes_a_form_by_keyboard() -> anyhow::Result<()> {
    let world = World::start(1, &super::pictures()).await?;
    let browser = world.browser(Party::Institution).await?;
    sign_in(&browser, &world).await?;
    browser.examine("home").await?;

    browser.choose("新規").await?;
    browser.arrive("/forms/nanbyo/6").await?;
    browser.examine("form-empty").await?;
    findings_lead_to_their_items(&browser).await?;

    let form = form();
    fill_in(&browser, &form).await?;
    browser.choose("計算").await?;
    browser.wait("document.querySelector('#result h3') !== null").await?;
    let errors = browser.texts("#result .tag.bad").await?;
    assert!(
        !errors.iter().any(|tag| tag.contains("エラー")),
        "{:?}",
        browser.texts("#result").await?
    );
    browser.examine("form-calculated").await?;

    browser.choose("登録").await?;
    browser.wait("location.pathname.startsWith('/records/')").await?;
    let name = definition().write("name_kanji", form.answers.get("name_kanji").unwrap());
    assert!(browser.texts("h1").await?[0].contains(&name));
    browser.examine("record-online").await?;

    browser.close().await?;
    world.stop().await
}

async fn sign_in(browser: &Browser, world: &World) -> anyhow::Result<()> {
    browser.go("/").await?;
    browser.arrive("/sign-in").await?;
    browser.examine("sign-in").await?;
    for (password, path) in [("not-the-password", "/sign-in"), (&world.accounts.doctor, "/")] {
        browser.expect_status(401);
        browser.tab_to(|focus| focus.id == "login").await?;
        browser.write("doctor").await?;
        browser.press(&[Key::Tab]).await?;
        assert_eq!(browser.focus().await?.id, "password");
        browser.write(password).await?;
        browser.press(&[Key::Enter]).await?;
        if path == "/sign-in" {
            browser.wait("document.querySelector('[role=alert]') !== null").await?;
            let said = browser.texts("[role=alert]").await?.concat();
            assert!(said.contains("違います"), "{said}");
            browser.examine("sign-in-wrong").await?;
        }
        browser.arrive(path).await?;
    }
    Ok(())
}

async fn findings_lead_to_their_items(browser: &Browser) -> anyhow::Result<()> {
    browser.expect_status(422);
    browser.choose("チェック").await?;
    browser.wait("document.querySelectorAll('#result ol li').length > 5").await?;
    browser.examine("form-findings").await?;
    // The answer has the focus: the first Tab goes to the first finding.
    browser.press(&[Key::Tab]).await?;
    let first = browser.focus().await?;
    assert_eq!(first.tag, "a", "{first:?}");
    browser.press(&[Key::Enter]).await?;
    browser.wait("document.querySelector(':target') !== null").await?;
    let is_seen = "(() => { const box = document.querySelector(':target').getBoundingClientRect();
        return box.top >= 0 && box.top < innerHeight / 2; })()";
    browser.wait(is_seen).await?;
    let is_inside = "return document.querySelector('.field:target, .field:has(:target)')
        .contains(document.activeElement);";
    if !browser.ask::<bool>(is_inside).await? {
        browser.press(&[Key::Tab]).await?;
    }
    assert!(browser.ask::<bool>(is_inside).await?, "{:?}", browser.focus().await?);
    browser.examine("form-item").await
}

/// Tabs through the whole form once and gives every item its answer.
async fn fill_in(browser: &Browser, form: &FilledForm) -> anyhow::Result<()> {
    browser.go("/forms/nanbyo/6?application=new").await?;
    browser
        .tab_to(|focus| {
            !focus.name.is_empty()
                && focus.name != "action"
                && focus.tag != "button"
                && focus.tag != "a"
        })
        .await?;
    loop {
        let focus = browser.focus().await?;
        if focus.kind == "submit" && focus.name == "action" {
            return Ok(());
        }
        answer(browser, form, &focus).await?;
        browser.press(&[Key::Tab]).await?;
    }
}

async fn answer(browser: &Browser, form: &FilledForm, focus: &Focus) -> anyhow::Result<()> {
    let item = focus.name.strip_suffix(".state").unwrap_or(&focus.name);
    let Some(answer) = form.answers.get(item) else { return Ok(()) };
    match (focus.kind.as_str(), answer) {
        ("checkbox", _) => {
            let is_wanted = match answer {
                Answer::Given(Value::Codes(codes)) => codes.contains(&focus.value),
                other => other.state() == Some(focus.value.as_str()),
            };
            if is_wanted && !focus.checked {
                browser.press(&[Key::Space]).await?;
            }
        }
        ("radio" | "select-one", Answer::Given(Value::Code(code))) => {
            for _ in 0..OPTIONS_MAX {
                if browser.focus().await?.value == *code {
                    return Ok(());
                }
                browser.press(&[Key::Down]).await?;
            }
            anyhow::bail!("no option {code} of {item}");
        }
        ("text" | "textarea", Answer::Given(_)) if item == focus.name => {
            browser.write(&definition().write(item, answer)).await?;
        }
        _ => {}
    }
    Ok(())
}
