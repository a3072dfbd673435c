//! The journal in memory sits the exam.

use hwc_journal::{exam, memory::MemoryJournal};

#[tokio::test]
async fn the_journal_in_memory_passes_the_exam() {
    exam::sit(async || MemoryJournal::default()).await.unwrap();
}
