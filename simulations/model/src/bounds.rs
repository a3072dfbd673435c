//! How much is looked at: the bounds of a check, and the faults that can be planted in it.

/// Who may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leading {
    /// Both engines run from the start and both write wherever the journal's guard lets them: the weaker world, without lease
    /// and pen.
    Both,
    /// One at a time has the pen (`docs/decisions/0002`). Who is overtaken goes on for a while; what it appends is not heard.
    Pen,
}

/// What can go wrong. Each time costs one of [`Bounds::faults_max`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A request to the broker is given up. It arrives late, at any moment, or never.
    Late,
    /// A request to the broker arrives twice: now, and at any later moment or never.
    Twice,
    /// An engine crashes and starts again. What it had under way arrives late or never.
    Crash,
    /// The tombstone is written and the events behind it are not erased; nobody knows.
    Half,
    /// An organisation says again what it said before, to either engine.
    Again,
    /// A school asks for, or acknowledges, what is another school's.
    Hostile,
    /// A task that was offered is gone.
    TaskLost,
    /// The lease changes hands ([`Leading::Pen`] only).
    Overtaken,
}

impl Fault {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Late,
        Self::Twice,
        Self::Crash,
        Self::Half,
        Self::Again,
        Self::Hostile,
        Self::TaskLost,
        Self::Overtaken,
    ];
}

/// What organisations may do besides the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Veilig Thuis says that it is no violence in a relationship of dependency (R3).
    NotQualifying,
    /// The household's look-up is down: one child goes first, the other joins (R9).
    SiblingLater,
    /// The municipality withholds the first child (R11).
    Withhold,
    /// The first child's school gives it back in the first round (R24).
    Return,
    /// The municipality calls the first child back (R24).
    Recall,
}

impl Choice {
    /// Every one.
    pub const ALL: &[Self] =
        &[Self::NotQualifying, Self::SiblingLater, Self::Withhold, Self::Return, Self::Recall];
}

/// A fault in the program around the driver, planted to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// The journal appends wherever the writer thinks its log ends.
    GuardIgnored,
    /// The journal's guard spans the events and not the tombstone.
    TombstoneOutsideTheGuard,
    /// The journal answers an append before it is durable.
    AnswerBeforeDurable,
    /// The store answers before the ciphertext is durable.
    StoredBeforeDurable,
    /// What an append will let go of is erased when it is sent, not when it is durable.
    EraseBeforeAppend,
    /// An erasure is said to be done and is not.
    ErasureLost,
    /// An engine that starts does not read what is in flight.
    NothingReadAtTheStart,
    /// The sweeper takes what nothing points to, however young.
    SweeperTakesTheYoung,
    /// Who asks for a payload is not looked at when it is released.
    AnybodysLetter,
}

impl Planted {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::GuardIgnored,
        Self::TombstoneOutsideTheGuard,
        Self::AnswerBeforeDurable,
        Self::StoredBeforeDurable,
        Self::EraseBeforeAppend,
        Self::ErasureLost,
        Self::NothingReadAtTheStart,
        Self::SweeperTakesTheYoung,
        Self::AnybodysLetter,
    ];
}

/// The bounds of a check. Within them every state is visited.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Who may write.
    pub leading: Leading,
    /// How many children, 1 or 2.
    pub children: u16,
    /// How many things go wrong, all kinds together.
    pub faults_max: u8,
    /// What may go wrong.
    pub faults: Vec<Fault>,
    /// What organisations may do besides the ordinary.
    pub choices: Vec<Choice>,
    /// Requests of organisations that wait for an answer at once, at both engines together.
    pub asked_max: usize,
    /// Whether what one engine sends may overtake each other at no cost.
    pub any_order: bool,
    /// Whether the answer to an append, a tombstone or a duty travels: then anything may happen between it being done and the
    /// engine hearing of it.
    pub answers_travel: bool,
    /// Whether one engine's clock may be one moment behind the other's.
    pub clocks_differ: bool,
    /// Which of [`crate::MOMENTS`] time passes through, by their places there, in order. The first is the first of them.
    pub moments: Vec<usize>,
    /// More states than this are not looked at; the check then says that it is not complete.
    pub states_max: usize,
}

impl Bounds {
    pub(crate) fn may(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    pub(crate) fn allows(&self, choice: Choice) -> bool {
        self.choices.contains(&choice)
    }
}
