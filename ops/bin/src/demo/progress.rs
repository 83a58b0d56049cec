//! Progress while the demo works: bars on a terminal, lines otherwise.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use anyhow::bail;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    contractor::ContractorProcess,
    municipality::{Municipality, Totals},
};
use crate::cli::DemoArgs;

/// Nothing moved for so long: something is wrong, and waiting longer does not mend it.
const STALL: Duration = Duration::from_mins(3);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows what happens, on standard error.
pub(super) struct Progress {
    bars: MultiProgress,
    sent: ProgressBar,
    loaded: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new(json: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !json;
        let target =
            if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let bar = |name: &'static str| {
            let bar = bars.add(ProgressBar::new(0));
            let style = ProgressStyle::with_template("{prefix} [{bar:36}] {pos}/{len} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(name);
            bar
        };
        let (sent, loaded) = (bar("送信 sent  "), bar("登録 loaded"));
        Self { bars, sent, loaded, is_terminal }
    }

    /// Says one line.
    pub(super) fn say(&self, line: &str) {
        if self.is_terminal {
            // A bar that cannot be drawn is no reason to stop.
            self.bars.println(line).unwrap_or_else(|_| eprintln!("{line}"));
        } else {
            eprintln!("{line}");
        }
    }

    pub(super) fn sending(&self, scans: u64) {
        self.sent.set_length(scans);
        self.loaded.set_length(scans);
        self.say(&format!("送信 / sending {scans} scans …"));
    }

    pub(super) fn sent(&self) -> ProgressBar {
        self.sent.clone()
    }

    pub(super) fn sending_done(&self) {
        self.sent.finish();
        self.say("送信完了 / all scans have a receipt");
    }

    fn totals(&self, totals: Totals) {
        self.loaded.set_position(totals.loaded + totals.refused + totals.withdrawn);
        self.loaded
            .set_message(format!("(差し戻し {} 処理中 {})", totals.refused, totals.in_progress));
    }
}

/// Waits until nothing is on the road any more.
pub(super) async fn follow(
    municipality: &Municipality,
    args: &DemoArgs,
    contractor: &mut ContractorProcess,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut last = None;
    let (mut moved, mut said) = (Instant::now(), Instant::now());
    loop {
        let totals = municipality.totals().await?;
        progress.totals(totals);
        if totals.in_progress == 0 && totals.received >= u64::from(args.scans) {
            progress.loaded.finish();
            return Ok(());
        }
        contractor.check()?;
        if last != Some(totals) {
            (last, moved) = (Some(totals), Instant::now());
        }
        if moved.elapsed() > STALL {
            bail!("nothing moved for {} s: {totals:?}", STALL.as_secs());
        }
        if !progress.is_terminal && said.elapsed() > LINE_EVERY {
            said = Instant::now();
            progress.say(&format!(
                "処理中 / in progress {}, loaded {}, refused {} of {}",
                totals.in_progress, totals.loaded, totals.refused, totals.received
            ));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
