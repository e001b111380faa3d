//! From what a lesson says to what is trained: the run of a page, and the experiments of its claims, races and predictions.

use super::item::{self, Claim, Predict, Race};
use super::{Item, Kind, Lesson};
use crate::stage::Config;
use crate::train::experiment::{
    Arm, ArmError, Budget, Combinations, CombinationsError, Compare, Experiment,
};
use crate::train::measure::{Measure, Range};

/// The lecture's seed; an experiment of n seeds takes it and those that follow.
pub const FIRST_SEED: u64 = 1337;

/// Why a lesson's experiment cannot be.
#[derive(Debug, thiserror::Error)]
pub enum NoExperiment {
    #[error(transparent)]
    Arm(#[from] ArmError),
    #[error(transparent)]
    Combinations(#[from] CombinationsError),
}

/// The configuration of a page's run, of a text of so many tokens.
///
/// # Errors
/// If there is no such stage, or it cannot have what the page sets.
pub fn of_page(
    lesson: &Lesson,
    page: usize,
    vocab_size: usize,
    seed: u64,
) -> Result<Config, ArmError> {
    let stage = lesson.stage_of(page).to_owned();
    let set = lesson.pages[page].setup.set.clone();
    Arm { stage: Some(stage), set }.config("", vocab_size, seed)
}

/// The experiment behind an item, if there is one: of a claim, a race, or a prediction with arms. `spoken_of` is the stage
/// of arms that name none.
///
/// # Errors
/// If an arm cannot be, or all combinations of a race.
pub fn of_item(
    item: &Item,
    spoken_of: &str,
    vocab_size: usize,
) -> Result<Option<Experiment>, NoExperiment> {
    Ok(Some(match &item.kind {
        Kind::Claim(claim) => of_claim(claim, spoken_of, vocab_size)?,
        Kind::Race(race) => of_race(race, spoken_of, vocab_size)?,
        Kind::Predict(predict) if !predict.arms.is_empty() => {
            of_prediction(predict, spoken_of, vocab_size)?
        }
        _ => return Ok(None),
    }))
}

/// # Errors
/// If an arm cannot be.
pub fn of_claim(
    claim: &Claim,
    spoken_of: &str,
    vocab_size: usize,
) -> Result<Experiment, NoExperiment> {
    let arms = arms(&claim.arms, spoken_of, vocab_size)?;
    let measured = (&claim.measure, claim.compare, claim.expect);
    Ok(experiment(arms, claim.seeds, claim.budget, measured))
}

/// # Errors
/// If an arm cannot be.
pub fn of_prediction(
    predict: &Predict,
    spoken_of: &str,
    vocab_size: usize,
) -> Result<Experiment, NoExperiment> {
    let arms = arms(&predict.arms, spoken_of, vocab_size)?;
    let measured = (&predict.measure, predict.compare, Range::default());
    let seeds = predict.seeds;
    Ok(experiment(arms, seeds, predict.budget, measured))
}

/// # Errors
/// If an arm cannot be, or all combinations of what differs.
pub fn of_race(
    race: &Race,
    spoken_of: &str,
    vocab_size: usize,
) -> Result<Experiment, NoExperiment> {
    let mut arms = arms(&race.arms, spoken_of, vocab_size)?;
    let mut switches = Vec::new();
    if race.combinations
        && let [(_, first), .., (_, last)] = &arms[..]
    {
        let all = Combinations::between(first, last)?;
        (arms, switches) = (all.arms, all.switches);
    }
    let measured = (&race.measure, Compare::default(), Range::default());
    let race = experiment(arms, race.seeds, race.budget, measured);
    Ok(Experiment { switches, ..race })
}

fn arms(
    arms: &[Arm],
    spoken_of: &str,
    vocab_size: usize,
) -> Result<Vec<(String, Config)>, ArmError> {
    let ready =
        |arm: &Arm| Ok((arm.label(spoken_of), arm.config(spoken_of, vocab_size, FIRST_SEED)?));
    arms.iter().map(ready).collect()
}

fn experiment(
    arms: Vec<(String, Config)>,
    seeds: u32,
    budget: item::Budget,
    (measure, compare, expect): (&Measure, Compare, Range),
) -> Experiment {
    let own = arms.first().map_or(0, |(_, config)| config.training.steps);
    let budget = match budget {
        item::Budget { steps: Some(steps), .. } => Budget::Steps(steps),
        item::Budget { tokens: Some(tokens), .. } => Budget::Tokens(tokens),
        item::Budget { .. } => Budget::Steps(own),
    };
    Experiment {
        arms,
        seeds: (FIRST_SEED..).take(seeds as usize).collect(),
        from: None,
        budget,
        measure: measure.clone(),
        compare,
        expect,
        switches: Vec::new(),
        watched: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(block: &str) -> Item {
        let front =
            "+++\nid = \"a\"\ntitle = \"A\"\nstage = \"bigram\"\npanes = [\"lesson\"]\n+++\n";
        let lesson = crate::lesson::parse("90-a.md", &format!("{front}\n## One\n\n{block}\n"));
        lesson.unwrap().items().next().unwrap().1.clone()
    }

    #[test]
    fn a_claim_is_arms_and_seeds_and_what_is_expected() {
        let claim = item(
            "```claim\nid = \"c\"\ntext = \"x\"\narms = [{ lr = 0.1 }, { stage = \"multi-head\", n_head = 1 }]\n\
             budget = { tokens = 5120 }\nmeasure = \"val_loss\"\ncompare = \"ratio\"\nexpect = { below = 1.0 }\nseeds = 3\n```",
        );
        let claim = of_item(&claim, "bigram", 65).unwrap().unwrap();
        let labels: Vec<_> = claim.arms.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["lr 0.1", "multi-head, n_head 1"]);
        assert_eq!((claim.arms[0].1.training.lr, claim.arms[1].1.model.n_head), (0.1, 1));
        assert_eq!(claim.seeds, [1337, 1338, 1339]);
        assert_eq!((claim.budget, claim.compare), (Budget::Tokens(5120), Compare::Ratio));
        assert_eq!(claim.steps(&claim.arms[0].1), 20, "32 windows of 8 a step");
        assert!(claim.expect.below == Some(1.0) && claim.measure == Measure::ValLoss);
    }

    #[test]
    fn without_a_budget_a_run_is_as_long_as_its_stage_says() {
        let race = item(
            "```race\nid = \"r\"\ntext = \"x\"\narms = [{ lr = 0.1, weight_decay = 0.1 }, {}]\ncombinations = true\n```",
        );
        let race = of_item(&race, "bigram", 65);
        let race = race.unwrap().unwrap();
        assert_eq!((race.budget, race.arms.len()), (Budget::Steps(3000), 4));
        assert_eq!(race.switches.len(), 2);
        let predict = item(
            "```predict\nid = \"p\"\nask = \"x\"\nmeasure = \"val_loss\"\narms = [{ n_head = 2 }]\nwhy = \"y\"\n```",
        );
        let error = of_item(&predict, "bigram", 65).unwrap_err().to_string();
        assert_eq!(error, "n_head is none of the stage bigram");
    }
}
