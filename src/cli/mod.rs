//! The door for people.
pub mod budget_report;

use std::process::ExitCode;
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
