//! The stages from a dot product to a weight.

/// Which of them is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    Products,
    Scores,
    Masked,
    #[default]
    Weights,
}

impl View {
    pub const ALL: [Self; 4] = [Self::Products, Self::Scores, Self::Masked, Self::Weights];

    pub fn name(self) -> &'static str {
        match self {
            Self::Products => "q·k",
            Self::Scores => "scaled",
            Self::Masked => "masked",
            Self::Weights => "softmax",
        }
    }

    pub fn next(self) -> Self {
        match self {
            Self::Products => Self::Scores,
            Self::Scores => Self::Masked,
            Self::Masked => Self::Weights,
            Self::Weights => Self::Products,
        }
    }
}
