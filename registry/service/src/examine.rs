//! Runs the form engine over one form, off the event loop.

use std::sync::Arc;

use kakehashi_forms::{Answers, Application, Calculated, Catalogue, Finding, Judgement};
use kakehashi_kernel::FormKey;
use serde::{Deserialize, Serialize};

use crate::error::RegistryError;

/// What check, calculate and judge say about a form. Stored sealed: derived values are medical.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) findings: Vec<Finding>,
    pub(crate) calculated: Vec<Calculated>,
    pub(crate) judgement: Judgement,
}

/// A form with everything there is to say about it.
#[derive(Clone)]
pub(crate) struct Examined {
    pub(crate) form: FormKey,
    pub(crate) application: Application,
    pub(crate) answers: Answers,
    pub(crate) results: Results,
}

/// Checks, calculates and judges.
pub(crate) async fn examine(
    catalogue: Arc<Catalogue>,
    form: FormKey,
    application: Application,
    answers: Answers,
) -> Result<Examined, RegistryError> {
    tokio::task::spawn_blocking(move || {
        let definition = catalogue.definition(form).ok_or(RegistryError::UnknownForm { form })?;
        let circumstances = definition.circumstances(&answers, application);
        let examination = definition.examine(&answers, &circumstances);
        let results = Results {
            findings: examination.findings,
            calculated: examination.calculated,
            judgement: examination.judgement,
        };
        Ok(Examined { form, application, answers, results })
    })
    .await?
}
