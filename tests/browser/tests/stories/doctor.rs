//! A doctor writes a form without touching the mouse.

use kakehashi_browser::{Browser, Focus, Key, Party, World};
use kakehashi_forms::{Application, Definition, Value};
use kakehashi_kit::{FilledForm, catalogue, definition, filled_form, posted};

/// More presses than any list has options.
const OPTIONS_MAX: usize = 64;

/// What is typed, by the names of fields.
type Typed = Vec<(String, String)>;

/// A form for a new application that the demo has not entered, and what of it is typed.
fn form(definition: &Definition, is_wanted: impl Fn(&FilledForm) -> bool) -> (FilledForm, Typed) {
    let forms = (500..900).map(|index| filled_form(definition, 7, index));
    let mut new = forms.filter(|form| form.application == Application::New && is_wanted(form));
    let typed = new.find_map(|form| posted(definition, &form.answers).map(|typed| (form, typed)));
    typed.expect("two in five are new")
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

    let (form, typed) = form(definition(), |_| true);
    browser.go("/forms/nanbyo/6?application=new").await?;
    fill_in(&browser, &typed).await?;
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
async fn fill_in(browser: &Browser, typed: &Typed) -> anyhow::Result<()> {
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
        answer(browser, typed, &focus).await?;
        browser.press(&[Key::Tab]).await?;
    }
}

async fn answer(browser: &Browser, typed: &Typed, focus: &Focus) -> anyhow::Result<()> {
    let mut values = typed.iter().filter(|(name, _)| *name == focus.name).map(|(_, value)| value);
    match focus.kind.as_str() {
        "checkbox" if !focus.checked && values.any(|value| *value == focus.value) => {
            browser.press(&[Key::Space]).await?;
        }
        "radio" | "select-one" => {
            let Some(code) = values.next() else { return Ok(()) };
            for _ in 0..OPTIONS_MAX {
                if browser.focus().await?.value == *code {
                    return Ok(());
                }
                browser.press(&[Key::Down]).await?;
            }
            anyhow::bail!("no option {code} of {}", focus.name);
        }
        "text" | "textarea" => {
            if let Some(text) = values.next() {
                browser.write(text).await?;
            }
        }
        _ => {}
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_searches_a_form_and_fills_in_its_table() -> anyhow::Result<()> {
    let world = World::start(1, &super::pictures()).await?;
    let browser = world.browser(Party::Institution).await?;
    sign_in(&browser, &world).await?;
    browser.tab_to(|focus| focus.id == "form").await?;
    browser.write("くろーん").await?;
    browser.press(&[Key::Enter]).await?;
    browser.wait("location.search.startsWith('?form=')").await?;
    browser.examine("home-search").await?;
    browser.choose("新規").await?;
    browser.arrive("/forms/nanbyo/96").await?;

    let crohn = catalogue().definition("nanbyo/0096-000/2403".parse()?);
    let crohn = crohn.expect("the form is built in");
    let (form, typed) = form(
        crohn,
        |form| matches!(form.answers.value("surgeries"), Some(Value::Rows(rows)) if rows.len() == 2),
    );
    let rows = "document.querySelectorAll('#item-surgeries tbody tr').length";
    browser.wait(&format!("{rows} === 2")).await?;
    for count in [3, 4] {
        browser.choose("行を追加").await?;
        browser.wait(&format!("{rows} === {count}")).await?;
        let is_seen = "location.hash === '#item-surgeries'";
        assert!(browser.ask::<bool>(&format!("return {is_seen};")).await?);
    }
    browser.examine("form-table").await?;

    browser.go("/forms/nanbyo/96?application=new").await?;
    fill_in(&browser, &typed).await?;
    browser.choose("計算").await?;
    browser.wait("document.querySelector('#result h3') !== null").await?;
    browser.examine("form-table-calculated").await?;
    browser.choose("登録").await?;
    browser.wait("location.pathname.startsWith('/records/')").await?;
    let name = form.answers.text("name_kanji").expect("every form has a name");
    assert!(browser.texts("h1").await?[0].contains(name));
    assert!(!browser.texts("table.rows tbody tr").await?.is_empty());
    browser.examine("record-table").await?;

    browser.close().await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_very_different_forms_are_sound() -> anyhow::Result<()> {
    let world = World::start(1, &super::pictures()).await?;
    let browser = world.browser(Party::Institution).await?;
    sign_in(&browser, &world).await?;
    for (path, name) in [
        ("/forms/nanbyo/49?application=new", "form-sle"),
        ("/forms/nanbyo/96?application=renewal", "form-crohn"),
        ("/forms/nanbyo/1?application=new", "form-listed"),
        ("/forms/shouman/5-46?application=new", "form-child"),
        ("/forms/shouman/1-1?application=renewal", "form-child-listed"),
    ] {
        browser.go(path).await?;
        browser.examine(name).await?;
        for part in 1..=4 {
            let down =
                format!("scrollTo(0, document.body.scrollHeight * {part} / 5); return true;");
            browser.ask::<bool>(&down).await?;
            browser.picture(&format!("{name}-{part}")).await?;
        }
    }
    browser.close().await?;
    world.stop().await
}
