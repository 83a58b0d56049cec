//! `kakehashi ca`: the certificate authority at the command line. The only command that opens CA keys.
//!
//! Everything is files: requests, envelopes and codes are carried in, certificates and lists carried out.
//! Each command tells what to do next; a refusal says how to go on, in Japanese too.

mod desk;
mod device;
mod enrol;
mod issue;
mod list;
mod look;
mod passphrase;
mod remedy;
mod revoke;
mod setup;

use std::process::ExitCode;

use clap::Subcommand;

/// What to do with the CA.
#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Makes the root: key and certificate, to be kept offline (ルートCAの作成)
    InitRoot(setup::InitRoot),
    /// Makes a zone's key and the request for the root (ゾーンCAの鍵と申請)
    InitZone(setup::InitZone),
    /// Certifies a zone's CA, on the root's machine (ルートによるゾーンCAの署名)
    SignZone(setup::SignZone),
    /// Puts a zone's certificate in place, on the zone's machine (ゾーンCA証明書の組込み)
    InstallZone(setup::InstallZone),
    /// Issues a client certificate (クライアント証明書の発行)
    Issue(issue::Issue),
    /// Issues a server certificate (サーバー証明書の発行)
    IssueServer(issue::IssueServer),
    /// Makes a one-time code for a device (端末登録コードの作成)
    Invite(enrol::Invite),
    /// Closes a one-time code that must not be used any more (登録コードの取消し)
    Withdraw(enrol::Withdraw),
    /// On the device: makes a key and a request, signed with a one-time code (端末側: 鍵と申請)
    Request(device::Request),
    /// Issues to a device that presents its code (登録コードによる発行)
    Enrol(enrol::Enrol),
    /// On the device: makes a new key and asks by the old certificate (端末側: 更新の申請)
    RenewRequest(device::RenewRequest),
    /// Issues the next certificate to the holder of a present one (更新)
    Renew(enrol::Renew),
    /// Revokes and publishes new revocation lists (失効)
    Revoke(revoke::Revoke),
    /// Publishes trust anchors and revocation lists (失効リストの公開)
    Publish(revoke::Publish),
    /// Lists certificates: table, JSON, or CSV for Excel (証明書の一覧・期限)
    List(list::List),
    /// Looks at any certificate by the rules (証明書の検査)
    Lint(look::Lint),
    /// Prints the profiles in force (プロファイルの表示)
    Profiles(look::PrintProfiles),
    /// Looks at the CA's own journal (CAの監査記録)
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verifies the chain, and every file against it (改ざんの検査)
    Verify(look::Verify),
}

pub(crate) fn run(command: CaCommand) -> anyhow::Result<ExitCode> {
    let done = match command {
        CaCommand::InitRoot(command) => command.run(),
        CaCommand::InitZone(command) => command.run(),
        CaCommand::SignZone(command) => command.run(),
        CaCommand::InstallZone(command) => command.run(),
        CaCommand::Issue(command) => command.run(),
        CaCommand::IssueServer(command) => command.run(),
        CaCommand::Invite(command) => command.run(),
        CaCommand::Withdraw(command) => command.run(),
        CaCommand::Request(command) => command.run(),
        CaCommand::Enrol(command) => command.run(),
        CaCommand::RenewRequest(command) => command.run(),
        CaCommand::Renew(command) => command.run(),
        CaCommand::Revoke(command) => command.run(),
        CaCommand::Publish(command) => command.run(),
        CaCommand::List(command) => command.run(),
        CaCommand::Lint(command) => command.run(),
        CaCommand::Profiles(command) => command.run(),
        CaCommand::Audit { command: AuditCommand::Verify(command) } => command.run(),
    };
    done.map_err(remedy::add)
}
