//! The ground's guarantees: chained audit, outbox, queue, inbox.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use kakehashi_contract::{AuditFact, AuditKey, Event, Message};
use kakehashi_kernel::{Clock, Timestamp, limits};
use kakehashi_platform::{
    Audit, AuditError, Database,
    queue::{EmbeddedQueue, inbox, outbox, relay},
    runtime::{SystemIds, worker::Round},
};
use sqlx::migrate::Migrator;
use tempfile::TempDir;

#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

async fn database(folder: &TempDir) -> Database {
    let none = Migrator::with_migrations(Vec::new());
    Database::open(&folder.path().join("test.db"), &none).await.unwrap()
}

fn fact(subject: &str) -> AuditFact {
    AuditFact {
        actor: "test".into(),
        action: "record.view".into(),
        subject: subject.into(),
        outcome: "ok".into(),
        detail: String::new(),
    }
}

async fn chain_of_five(folder: &TempDir) -> (Database, Audit) {
    let database = database(folder).await;
    let audit = Audit::new("test", AuditKey::new([3; 32]));
    for n in 0..5 {
        let mut tx = database.write().await.unwrap();
        audit.append(&mut tx, Timestamp(n), fact(&n.to_string())).await.unwrap();
        tx.commit().await.unwrap();
    }
    (database, audit)
}

async fn tamper(database: &Database, sql: &'static str) {
    let mut tx = database.write().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_untouched_chain_verifies_and_an_uncommitted_entry_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let (database, audit) = chain_of_five(&folder).await;
    let mut tx = database.write().await.unwrap();
    audit.append(&mut tx, Timestamp(9), fact("9")).await.unwrap();
    drop(tx);
    assert_eq!(audit.verify(&database).await.unwrap(), 5);
    assert_eq!(audit.history(&database, "3", 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn changed_removed_and_swapped_entries_are_found() {
    for sql in [
        "UPDATE audit_entry SET outcome = 'refused' WHERE sequence = 3",
        "DELETE FROM audit_entry WHERE sequence = 3",
        "DELETE FROM audit_entry WHERE sequence = 5",
        "DELETE FROM audit_entry WHERE sequence = 5; UPDATE audit_head SET entries = 4",
        "UPDATE audit_entry SET sequence = 99 WHERE sequence = 2;
         UPDATE audit_entry SET sequence = 2 WHERE sequence = 3;
         UPDATE audit_entry SET sequence = 3 WHERE sequence = 99",
        "DELETE FROM audit_entry; DELETE FROM audit_head WHERE 1 = 0",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (database, audit) = chain_of_five(&folder).await;
        tamper(&database, sql).await;
        let verdict = audit.verify(&database).await;
        assert!(matches!(verdict, Err(AuditError::Broken(_))), "{sql}: {verdict:?}");
    }
}

const BINDINGS: kakehashi_platform::queue::embedded::Bindings = &[
    ("first", &["scan_withdrawn"]),
    ("second", &["scan_withdrawn"]),
    ("third", &["scan_refused"]),
];

async fn queue(folder: &TempDir, clock: Arc<MovedClock>) -> EmbeddedQueue {
    EmbeddedQueue::open(&folder.path().join("queue.db"), BINDINGS, clock).await.unwrap()
}

fn withdrawn() -> Message {
    let scan = kakehashi_kernel::ScanId::generate(&SystemIds);
    Message::new(&SystemIds, Timestamp(1), Event::ScanWithdrawn { scan })
}

#[tokio::test]
async fn a_message_leaves_with_its_transaction_and_reaches_every_consumer_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let queue = queue(&folder, Arc::default()).await;
    let mut abandoned = database.write().await.unwrap();
    outbox::emit(&mut abandoned, &withdrawn()).await.unwrap();
    drop(abandoned);
    let message = withdrawn();
    let mut tx = database.write().await.unwrap();
    outbox::emit(&mut tx, &message).await.unwrap();
    outbox::emit(&mut tx, &message).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(relay::round(&database, &queue).await.unwrap(), Round::Busy);
    assert_eq!(relay::round(&database, &queue).await.unwrap(), Round::Idle);
    for (consumer, expected) in [("first", 1), ("second", 1), ("third", 0)] {
        assert_eq!(queue.lease(consumer, 10, 1000).await.unwrap().len(), expected, "{consumer}");
    }
}

#[tokio::test]
async fn a_lease_that_runs_out_is_delivered_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(MovedClock::default());
    let queue = queue(&folder, clock.clone()).await;
    queue.publish(&[withdrawn()]).await.unwrap();
    let first = queue.lease("first", 10, 1000).await.unwrap();
    assert!(queue.lease("first", 10, 1000).await.unwrap().is_empty());
    clock.0.store(1001, Ordering::SeqCst);
    let second = queue.lease("first", 10, 1000).await.unwrap();
    assert_eq!(second[0].attempt, 2);
    queue.acknowledge(&first[0]).await.unwrap();
    clock.0.store(5000, Ordering::SeqCst);
    let third = queue.lease("first", 10, 1000).await.unwrap();
    assert_eq!(third.len(), 1, "an outlived lease must not acknowledge another's delivery");
    queue.acknowledge(&third[0]).await.unwrap();
    clock.0.store(9000, Ordering::SeqCst);
    assert!(queue.lease("first", 10, 1000).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_leases_of_a_process_that_died_end_when_the_queue_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(MovedClock::default());
    let first = queue(&folder, clock.clone()).await;
    first.publish(&[withdrawn()]).await.unwrap();
    assert_eq!(first.lease("first", 10, 1_000_000).await.unwrap().len(), 1);
    drop(first);
    let second = queue(&folder, clock).await;
    assert_eq!(second.lease("first", 10, 1000).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_that_always_fails_becomes_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(&folder, Arc::default()).await;
    queue.publish(&[withdrawn()]).await.unwrap();
    for _ in 0..limits::MESSAGE_ATTEMPTS_MAX {
        let delivery = queue.lease("first", 1, 1000).await.unwrap().remove(0);
        queue.put_back(&delivery, 0).await.unwrap();
    }
    assert!(queue.lease("first", 1, 1000).await.unwrap().is_empty());
    assert_eq!(queue.depth().await.unwrap(), (1, 1));
}

#[tokio::test]
async fn a_repeated_message_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let id = withdrawn().id;
    let mut abandoned = database.write().await.unwrap();
    assert!(inbox::is_first_time(&mut abandoned, id, Timestamp(1)).await.unwrap());
    drop(abandoned);
    let mut tx = database.write().await.unwrap();
    assert!(inbox::is_first_time(&mut tx, id, Timestamp(1)).await.unwrap());
    assert!(!inbox::is_first_time(&mut tx, id, Timestamp(2)).await.unwrap());
}

async fn in_queue(folder: &TempDir, sql: &'static str) {
    let url = format!("sqlite:{}", folder.path().join("queue.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(&folder, Arc::default()).await;
    let messages: Vec<Message> = (0..3).map(|_| withdrawn()).collect();
    queue.publish(&messages).await.unwrap();
    in_queue(&folder, "UPDATE delivery SET body = '{}' WHERE consumer = 'first' AND id = 3").await;
    let leased = queue.lease("first", 10, 1000).await.unwrap();
    let found: Vec<_> = leased.iter().map(|delivery| delivery.message.id).collect();
    assert_eq!(found, [messages[0].id, messages[2].id]);
    assert_eq!(queue.depth().await.unwrap(), (5, 1));
}

#[tokio::test]
async fn a_message_that_kills_its_handlers_becomes_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(MovedClock::default());
    let queue = queue(&folder, clock.clone()).await;
    queue.publish(&[withdrawn()]).await.unwrap();
    for attempt in 1..=limits::MESSAGE_ATTEMPTS_MAX {
        assert_eq!(queue.lease("first", 1, 1000).await.unwrap()[0].attempt, attempt);
        clock.0.fetch_add(1000, Ordering::SeqCst);
    }
    assert!(queue.lease("first", 1, 1000).await.unwrap().is_empty());
    assert_eq!(queue.depth().await.unwrap(), (1, 1));
}

#[tokio::test]
async fn the_outbox_forgets_what_left_and_sets_aside_what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let queue = queue(&folder, Arc::default()).await;
    let mut tx = database.write().await.unwrap();
    for _ in 0..3 {
        outbox::emit(&mut tx, &withdrawn()).await.unwrap();
    }
    tx.commit().await.unwrap();
    tamper(&database, "UPDATE outbox SET body = '{}' WHERE sequence = 1").await;
    assert_eq!(relay::round(&database, &queue).await.unwrap(), Round::Busy);
    assert_eq!(relay::round(&database, &queue).await.unwrap(), Round::Idle);
    assert_eq!(queue.lease("first", 10, 1000).await.unwrap().len(), 2);
    let kept: Vec<(i64, i64)> = sqlx::query_as("SELECT sequence, published FROM outbox")
        .fetch_all(database.read())
        .await
        .unwrap();
    assert_eq!(kept, [(1, 2)]);
}

#[tokio::test]
async fn the_inbox_forgets_what_is_long_past() {
    const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let mut tx = database.write().await.unwrap();
    for _ in 0..3 {
        assert!(inbox::is_first_time(&mut tx, withdrawn().id, Timestamp(1)).await.unwrap());
    }
    let recent = withdrawn().id;
    for id in [recent, withdrawn().id] {
        assert!(inbox::is_first_time(&mut tx, id, Timestamp(YEAR)).await.unwrap());
    }
    assert!(!inbox::is_first_time(&mut tx, recent, Timestamp(YEAR + 1)).await.unwrap());
    tx.commit().await.unwrap();
    let kept: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM inbox").fetch_one(database.read()).await.unwrap();
    assert_eq!(kept, 2);
}
