//! The queue only wakes workers up: losing it costs minutes, not a form.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use kakehashi_e2e::{House, Outcome, Started};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

const SCANS: u32 = 40;
const SEED: u64 = 9;
/// Messages that must be lost; one may have been handled already and not yet acknowledged.
const LOST_MIN: i64 = 2;
const ATTEMPTS: u32 = 10;
const HALFWAY: Duration = Duration::from_mins(2);
const RUN: Duration = Duration::from_mins(5);

#[tokio::test]
async fn a_lost_queue_costs_no_form() {
    let house = House::new();
    let queue = house.path("data/queue.db");
    let mut lost = 0;
    for _ in 0..ATTEMPTS {
        let mut demo = house.start_demo(SCANS, SEED);
        kill_with_messages_waiting(&mut demo, &queue).await;
        demo.leaves_nobody(Duration::from_secs(10));
        lost = waiting(&mut open(&queue).await.expect("the queue is there")).await;
        if lost >= LOST_MIN {
            break;
        }
    }
    assert!(lost >= LOST_MIN, "every attempt found too few messages in the queue");
    for file in ["queue.db", "queue.db-wal", "queue.db-shm"] {
        let path = house.path(&format!("data/{file}"));
        if path.exists() {
            fs::remove_file(path).expect("a file of ours can be removed");
        }
    }
    eprintln!("{lost} messages are lost");

    let outcome = Outcome::of(&house.demo(SCANS, SEED, &[], RUN));
    outcome.accounts_for(u64::from(SCANS));
    let log = fs::read_to_string(house.path("kakehashi.log")).expect("a log");
    assert!(log.contains("announced scans again"), "nothing had to be announced again");
}

async fn kill_with_messages_waiting(demo: &mut Started, queue: &Path) {
    let started = Instant::now();
    let mut connection = None;
    loop {
        assert!(demo.is_running(), "the demo ended before:\n{}", demo.stderr());
        assert!(started.elapsed() < HALFWAY, "no moment with messages waiting");
        if connection.is_none() {
            connection = open(queue).await;
        }
        if let Some(queue) = &mut connection
            && waiting(queue).await >= LOST_MIN
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    demo.kill();
}

/// Opens the queue beside the components' databases; `None` while they are not all there.
async fn open(queue: &Path) -> Option<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(queue).busy_timeout(Duration::from_secs(5));
    let mut connection = options.connect().await.ok()?;
    for component in ["ingest", "converter", "registry"] {
        let path = queue.with_file_name(format!("{component}.db"));
        if !path.exists() {
            return None;
        }
        let attach = sqlx::query("ATTACH DATABASE $1 AS $2").bind(path.display().to_string());
        attach.bind(component).execute(&mut connection).await.ok()?;
    }
    Some(connection)
}

/// Counts the messages that a scan waits for and that nobody would publish again. Those that are news
/// for the sender only do not count.
async fn waiting(queue: &mut SqliteConnection) -> i64 {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM delivery
         WHERE dead = 0
           AND (consumer = 'converter' AND body LIKE '%\"scan_released\"%'
                OR consumer = 'registry' AND body LIKE '%\"document_accepted\"%'
                OR consumer = 'ingest' AND body LIKE '%\"record_loaded\"%')
           AND message_id NOT IN (SELECT message_id FROM ingest.outbox WHERE published = 0
                                  UNION SELECT message_id FROM converter.outbox WHERE published = 0
                                  UNION SELECT message_id FROM registry.outbox WHERE published = 0)",
    );
    // The tables may not be there yet.
    count.fetch_one(queue).await.unwrap_or(0)
}
