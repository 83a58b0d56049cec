//! The demo's doctor: signs in and enters forms as a browser would, page by page.

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use kakehashi_forms::{Answer, Value};
use kakehashi_kernel::{Programme, Sensitive};
use kakehashi_kit::{FilledForm, catalogue, posted};
use kakehashi_platform::mtls::{Answer as Reply, Client};
use kakehashi_registry::{AccountRole, NewAccount};
use uuid::Uuid;

use super::{
    municipality::form,
    plan::{BOTH_WAYS, ONLINE_ONLY},
    progress::Progress,
};
use crate::{
    cli::DemoArgs,
    compose::Running,
    prepare::{DemoAccounts, INSTITUTION, MUNICIPALITY, Prepared},
};

/// What the doctor did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entered {
    /// Forms registered online.
    pub(super) forms: u64,
}

/// The doctor's browser.
pub(super) struct Doctor {
    client: Client,
    base: String,
}

/// Makes the demo's accounts, once per data folder.
pub(super) async fn ensure_accounts(running: &Running, prepared: &Prepared) -> anyhow::Result<()> {
    let registry = running.components.registry()?;
    let account =
        |login: &str, password: &Sensitive<String>, name: &str, role, organisation: &str| {
            NewAccount {
                login: login.to_owned(),
                password: password.clone(),
                name: Sensitive::new(name.to_owned()),
                role,
                organisation: organisation.to_owned(),
                programmes: Programme::ALL.to_vec(),
            }
        };
    let accounts = &prepared.accounts;
    let doctor = account(
        DemoAccounts::DOCTOR,
        &accounts.doctor_password,
        "架橋 花子（見本）",
        AccountRole::Doctor,
        INSTITUTION,
    );
    let clerk = account(
        DemoAccounts::CLERK,
        &accounts.clerk_password,
        "自治体 職員（見本）",
        AccountRole::MunicipalStaff,
        MUNICIPALITY,
    );
    registry.ensure_account(doctor).await?;
    registry.ensure_account(clerk).await?;
    Ok(())
}

impl Doctor {
    pub(super) fn new(client: Client, base: String) -> Self {
        Self { client, base }
    }

    /// Enters the forms of the plan, one of them of a patient whose paper form also arrives.
    pub(super) async fn enter_all(
        &self,
        args: &DemoArgs,
        accounts: &DemoAccounts,
        progress: &Progress,
    ) -> anyhow::Result<Entered> {
        let cookie = self.sign_in(DemoAccounts::DOCTOR, &accounts.doctor_password).await?;
        let indices: Vec<u32> = [BOTH_WAYS].into_iter().chain(ONLINE_ONLY).collect();
        for index in &indices {
            let form = form(args, *index)?;
            self.register(&cookie, &form).await?;
        }
        progress.say(&format!("オンライン登録 / {} forms entered online", indices.len()));
        Ok(Entered { forms: indices.len() as u64 })
    }

    async fn sign_in(&self, login: &str, password: &Sensitive<String>) -> anyhow::Result<String> {
        let fields = [("login", login), ("password", password.expose())];
        let answer = self.post("/sign-in", None, &encode(fields)).await?;
        ensure!(answer.status == StatusCode::SEE_OTHER, "sign-in refused: {}", answer.status);
        let cookie = answer.headers.get("set-cookie").context("no session cookie")?.to_str()?;
        Ok(cookie.split(';').next().unwrap_or_default().to_owned())
    }

    /// Shows the form, asks for a check, registers. The token makes a repeat harmless.
    async fn register(&self, cookie: &str, form: &FilledForm) -> anyhow::Result<()> {
        let number = match form.key.branch {
            0 => form.key.number.to_string(),
            branch => format!("{}-{branch}", form.key.number),
        };
        let path = format!("/forms/{}/{number}", form.key.programme);
        let shown = self
            .send(
                Method::GET,
                &format!("{path}?application={}", form.application.as_str()),
                Some(cookie),
                "",
            )
            .await?;
        ensure!(shown.status == StatusCode::OK, "form not shown: {}", shown.status);
        let token = Uuid::from_u64_pair(form.seed | 1 << 63, u64::from(form.index));
        let fields = fields(form, token)?;
        for (action, expected) in [("check", StatusCode::OK), ("register", StatusCode::SEE_OTHER)] {
            let pairs = fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .chain([("action", action)]);
            let answer = self.post(&path, Some(cookie), &encode(pairs)).await?;
            ensure!(
                answer.status == expected,
                "{action} of form {}: {}",
                form.index,
                answer.status
            );
        }
        Ok(())
    }

    async fn post(&self, path: &str, cookie: Option<&str>, body: &str) -> anyhow::Result<Reply> {
        self.send(Method::POST, path, cookie, body).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        cookie: Option<&str>,
        body: &str,
    ) -> anyhow::Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("accept", "text/html")
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        Ok(self.client.send(request.body(Bytes::copy_from_slice(body.as_bytes()))?).await?)
    }
}

/// The fields of the form page, as the browser would post them.
fn fields(form: &FilledForm, token: Uuid) -> anyhow::Result<Vec<(String, String)>> {
    let definition = catalogue().definition(form.key).context("no definition of the form")?;
    let mut answers = form.answers.clone();
    for item in definition.items() {
        // What cannot be read on paper the doctor simply answers.
        let is_spoilt = matches!(
            answers.get(&item.id),
            Some(Answer::Illegible | Answer::Struck | Answer::MultiplyMarked)
        );
        if is_spoilt {
            answers.remove(&item.id);
            if let Some(code) = item.codes().and_then(|list| list.options().first()) {
                answers.set(&item.id, Answer::Given(Value::Code(code.code.clone())));
            }
        }
    }
    let mut fields = vec![
        ("entry".to_owned(), token.to_string()),
        ("version".to_owned(), format!("{:04}", form.key.version)),
        ("application".to_owned(), form.application.as_str().to_owned()),
    ];
    fields.extend(posted(definition, &answers).context("an answer has no field")?);
    Ok(fields)
}

fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs =
        pairs.into_iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}
