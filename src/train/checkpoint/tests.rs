use std::fs;

use super::*;
use crate::model::Batch;
use crate::stage::hyperparameter::hyperparameter;
use crate::task::Task;
use crate::train::session::Session;
use crate::train::team::Team;
use crate::train::testing;

/// What saving a session leaves in a file.
fn bytes(session: &Session) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    session.save(&path).unwrap();
    fs::read(path).unwrap()
}

fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    read_with(bytes, &[])
}

fn read_with(bytes: &[u8], overrides: &Overrides) -> Result<Checkpoint, CheckpointError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    fs::write(&path, bytes).unwrap();
    Checkpoint::read(&path, overrides)
}

/// Trains to `until` as the worker does, with the regular estimates.
fn train(session: &mut Session, until: u64) {
    loop {
        let step = session.step_count();
        let last = session.history().evaluations.last().map(|e| e.step);
        if step.is_multiple_of(session.config().training.eval_interval) && last != Some(step) {
            session.evaluate();
        }
        if step >= until {
            return;
        }
        session.step().unwrap();
    }
}

#[test]
fn the_same_run_is_the_same_bytes() {
    let run = || {
        let mut session = testing::open(testing::gpt(), 2);
        train(&mut session, 45);
        bytes(&session)
    };
    assert!(run() == run());
}

#[test]
fn resuming_gives_the_uninterrupted_run() {
    for config in [testing::config(), testing::gpt()] {
        let mut whole = testing::open(config.clone(), 2);
        train(&mut whole, 60);
        for cut in [1, 20, 33] {
            let mut first = testing::open(config.clone(), 2);
            train(&mut first, cut);
            let team = Team::new(2).unwrap();
            let checkpoint = read(&bytes(&first)).unwrap();
            let mut second = Session::restore(checkpoint, testing::dataset(), &team).unwrap();
            train(&mut second, 60);
            assert!(bytes(&second) == bytes(&whole), "cut at {cut}");
        }
    }
}

#[test]
fn all_that_was_saved_comes_back() {
    let mut session = testing::open(testing::gpt(), 1);
    train(&mut session, 25);
    session.set("lr", Value::Number(3e-3)).unwrap();
    let checkpoint = read(&bytes(&session)).unwrap();
    assert_eq!(&checkpoint.config, session.config());
    assert_eq!(checkpoint.step, 25);
    assert_eq!(&checkpoint.history, session.history());
    assert_eq!(checkpoint.history.edits[0].new, "3e-3");
    assert_eq!(checkpoint.vocabulary.unwrap(), session.material().text.as_ref().unwrap().tokenizer);
    assert_eq!(checkpoint.corpus.unwrap(), session.material().text.as_ref().unwrap().corpus.sha256);
    assert_eq!(checkpoint.weights, session.weights());
}

#[test]
fn tensors_have_the_lectures_names_and_layouts() {
    let session = testing::open(testing::gpt(), 1);
    let bytes = bytes(&session);
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let shape = |name: &str| file.tensor(name).unwrap().shape().to_vec();
    assert_eq!(shape("token_embedding_table.weight"), [testing::VOCABULARY, 16]);
    assert_eq!(shape("blocks.2.sa.heads.1.key.weight"), [8, 16]);
    assert_eq!(shape("blocks.0.ffwd.net.0.weight"), [64, 16]);
    assert_eq!(shape("optim.v.lm_head.bias"), [testing::VOCABULARY]);
    let parameters = session.model().registry().parameters().len();
    assert_eq!(file.len(), 3 * parameters);
}

#[test]
fn a_cut_file_is_refused() {
    let whole = bytes(&testing::session(1));
    for len in [0, 1, 7, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let error = read(&whole[..len]).err().unwrap().to_string();
        assert!(error.contains("run.safetensors"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
    assert!(read(&[&whole[..], b"more"].concat()).is_err());
}

#[test]
fn every_flipped_byte_is_noticed() {
    let whole = bytes(&testing::session(1));
    // The header byte by byte, the numbers here and there.
    let header = u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    let places = (0..8 + header).step_by(7).chain((8 + header..whole.len()).step_by(101));
    for at in places {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        let reread = read(&damaged);
        // A flip in the padding, or in white space, changes nothing that is read.
        if let Ok(checkpoint) = reread {
            let team = Team::new(1).unwrap();
            let session = Session::restore(checkpoint, testing::dataset(), &team).unwrap();
            assert!(bytes(&session) == whole, "byte {at}");
        }
    }
}

#[test]
fn other_files_are_refused_in_one_line() {
    for bytes in [&b"ROMEO:\nBut, soft! what light"[..], &[0; 64], &[255; 64]] {
        let error = read(bytes).err().unwrap().to_string();
        assert!(error.contains("is not a checkpoint"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let error = Checkpoint::read(Path::new("/nowhere/x"), &[]).err().unwrap().to_string();
    assert!(error.contains("could not be read"), "{error}");
}

/// Before there were made tasks and words, a configuration said nothing of either.
#[test]
fn a_configuration_without_a_task_is_of_a_text_in_characters() {
    let config = testing::gpt();
    let mut json = serde_json::to_value(&config).unwrap();
    json.as_object_mut().unwrap().remove("task").unwrap();
    assert_eq!(serde_json::from_value::<Config>(json).unwrap(), config);
}

#[test]
fn another_format_is_named() {
    let mut contents = Contents::default();
    contents.metadata.insert("format".to_owned(), "gpt-lab 2".to_owned());
    let error = read(&written(&contents)).err().unwrap().to_string();
    assert!(error.contains("gpt-lab 2"), "{error}");
}

fn written(contents: &Contents) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    contents.write(&path).unwrap();
    fs::read(path).unwrap()
}

/// The weights of a session as PyTorch would save them.
fn state_dict(session: &Session) -> Contents {
    let parameters = session.model().registry().parameters().iter();
    let tensors = parameters.map(|p| (p.name.clone(), Tensor::of(p, session.weights())));
    Contents { tensors: tensors.collect(), ..Contents::default() }
}

#[test]
fn a_state_dict_tells_the_configuration_of_every_preset() {
    use model::config::Architecture::{Bigram, Gpt, Gru, Lstm, Rnn};
    let stages = crate::stage::STAGES.iter().filter(|s| s.name != "scaled-up");
    for stage in stages {
        let config = stage.config(testing::VOCABULARY, 1337);
        let told = [Bigram, Gpt, Rnn, Gru, Lstm].contains(&config.model.architecture);
        if !told || config.task.task != Task::Text {
            continue;
        }
        let session = testing::open(config, 1);
        let checkpoint = read(&written(&state_dict(&session))).unwrap();
        let found = model::Config { init: session.config().model.init, ..checkpoint.config.model };
        assert_eq!(found, session.config().model, "{}", stage.name);
        assert_eq!(checkpoint.config.stage, stage.name);
        assert_eq!(checkpoint.weights, session.weights());
        assert!(checkpoint.vocabulary.is_none() && checkpoint.moments.is_none());
    }
}

/// A head without a key is tied; that it is merged has to be said.
#[test]
fn a_state_dict_without_keys_is_tied() {
    use model::config::QueryKey;
    let mut config = testing::gpt();
    config.model.query_key = QueryKey::Tied;
    let session = testing::open(config.clone(), 1);
    let tied = read(&written(&state_dict(&session))).unwrap();
    assert_eq!(tied.config.model.query_key, QueryKey::Tied);
    assert_eq!((tied.config.model.n_head, tied.config.model.n_layer), (2, 3));
    let again = read(&bytes(&session)).unwrap();
    assert_eq!((&again.config, &again.weights), (session.config(), &tied.weights));
    (config.model.query_key, config.model.n_head) = (QueryKey::Merged, 1);
    let session = testing::open(config, 1);
    let said = [(hyperparameter("query_key").unwrap(), Value::Choice("merged"))];
    let merged = read_with(&written(&state_dict(&session)), &said).unwrap();
    assert_eq!(merged.config.model.query_key, QueryKey::Merged);
    assert_eq!(merged.weights, session.weights());
    assert_eq!(read(&bytes(&session)).unwrap().config, *session.config());
}

#[test]
fn masks_in_a_state_dict_are_skipped_and_strangers_are_named() {
    let session = testing::open(testing::gpt(), 1);
    let mut contents = state_dict(&session);
    let mask = Tensor { shape: vec![8, 8], values: vec![1.0; 64] };
    contents.tensors.insert("blocks.0.sa.heads.0.tril".to_owned(), mask.clone());
    assert_eq!(read(&written(&contents)).unwrap().config.stage, "state-dict");
    contents.tensors.insert("conv.weight".to_owned(), mask);
    let error = read(&written(&contents)).err().unwrap().to_string();
    assert!(error.contains("conv.weight"), "{error}");
}

#[test]
fn what_a_state_dict_leaves_open_can_be_said() {
    let session = testing::open(testing::gpt(), 1);
    let contents = state_dict(&session);
    let scale = hyperparameter("attention_scale").unwrap();
    let overrides = [(scale, Value::Choice("n_embd"))];
    let checkpoint = read_with(&written(&contents), &overrides).unwrap();
    assert_eq!(checkpoint.config.model.attention_scale, model::config::AttentionScale::NEmbd);
    let heads = [(hyperparameter("n_head").unwrap(), Value::Count(4))];
    assert!(read_with(&written(&contents), &heads).is_err());
    // Our own files say it themselves.
    let error = read_with(&bytes(&session), &overrides).err().unwrap().to_string();
    assert!(error.contains("attention_scale"), "{error}");
}

#[test]
fn a_state_dict_that_is_none_says_what_is_missing() {
    let session = testing::open(testing::gpt(), 1);
    for missing in ["token_embedding_table.weight", "ln_f.bias", "blocks.1.ffwd.net.2.bias"] {
        let mut contents = state_dict(&session);
        contents.tensors.remove(missing);
        let error = read(&written(&contents)).err().unwrap().to_string();
        assert!(error.contains(missing), "{error}");
    }
}

#[test]
fn another_text_is_refused() {
    let checkpoint = read(&bytes(&testing::session(1))).unwrap();
    let dataset =
        std::sync::Arc::new(crate::text::Dataset::new(crate::text::Corpus::bundled()).unwrap());
    let error = Session::restore(checkpoint, dataset, &Team::new(1).unwrap()).err().unwrap();
    assert!(error.to_string().contains("14 characters"), "{error}");
}

#[test]
fn a_file_that_cannot_be_written_is_known_beforehand_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/run.safetensors");
    assert!(require_folder(&missing).is_err());
    assert!(testing::session(1).save(&missing).is_err());
    assert!(testing::session(1).save(folder.path()).is_err());
    require_folder(&folder.path().join("run.safetensors")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn parsed(bytes: &[u8]) -> Contents {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    fs::write(&path, bytes).unwrap();
    Contents::read(&path).unwrap()
}

/// A layer-norm model as `safetensors.torch.save_file` writes it.
fn guest() -> Contents {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/sd-plain.safetensors");
    Contents::read(Path::new(path)).unwrap()
}

/// The first four logits after the last of eight fixed tokens.
fn logits(checkpoint: &Checkpoint) -> Vec<f32> {
    let x = vec![1, 5, 9, 13, 20, 33, 47, 64];
    let subject = Batch { sequences: 1, time: x.len(), x, ..Batch::default() };
    let mut inference = checkpoint.model.inference();
    inference.look(&checkpoint.weights, &subject);
    let mut last = Vec::new();
    inference.visit(&mut |name, shape, values| {
        if name == "logits" {
            last = values.iter().skip((shape[0] - 1) * shape[1]).take(4).copied().collect();
        }
    });
    last
}

/// The loss over the validation part of Tiny Shakespeare, where that is at hand.
fn loss(checkpoint: Checkpoint) -> Option<f64> {
    let path = std::env::var_os("GPT_LAB_DATA")?;
    let corpus = crate::text::Corpus::read(crate::text::Source::File(path.into())).unwrap();
    if crate::text::corpus::sha256(corpus.text.as_bytes())
        != crate::text::corpus::TINY_SHAKESPEARE_SHA256
    {
        return None;
    }
    let dataset = std::sync::Arc::new(crate::text::Dataset::new(corpus).unwrap());
    let mut session = Session::restore(checkpoint, dataset, &Team::new(2).unwrap()).unwrap();
    session.exact_loss().map(|exact| exact.loss)
}

#[test]
fn files_of_others_are_read_as_what_they_hold() {
    let renamed = |prefix: &str| {
        let mut contents = guest();
        let tensors = std::mem::take(&mut contents.tensors).into_iter();
        contents.tensors = tensors.map(|(name, t)| (format!("{prefix}{name}"), t)).collect();
        contents
    };
    let without = |names: &[&str]| {
        let mut contents = guest();
        for name in names {
            contents.tensors.remove(*name);
        }
        contents
    };
    let mut labelled = guest();
    labelled.metadata.insert("format".to_owned(), "pt".to_owned());
    // NumPy in float64, by the formulas of the lecture; losses by PyTorch.
    let plain = ([2.87713, 2.56037, -1.159_902, -1.621_688], 3.020_140_991_373_857_8);
    let no_bias = ([2.99135, 2.440_323, -1.201_644, -1.626_214], 3.027_040_220_319_921);
    let tied = ([-2.84776, -3.403_675, -0.476_875, -5.321_299], 15.033_862_722_196_071);
    for (contents, (expected, expected_loss), notes) in [
        (guest(), plain, 0),
        (labelled, plain, 0),
        (renamed("_orig_mod."), plain, 0),
        (renamed("module._orig_mod."), plain, 0),
        (renamed("model."), plain, 0),
        (without(&["lm_head.bias"]), no_bias, 1),
        (without(&["lm_head.weight"]), tied, 1),
    ] {
        let checkpoint = read(&written(&contents)).unwrap();
        assert_eq!(checkpoint.notes.len(), notes, "{:?}", checkpoint.notes);
        let found = logits(&checkpoint);
        let near = found.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-5);
        assert!(near, "{found:?} {expected:?}");
        if let Some(loss) = loss(checkpoint) {
            assert!((loss - expected_loss).abs() < 1e-5, "{loss} {expected_loss}");
        }
    }
}

#[test]
fn what_is_not_finite_is_refused_by_its_name() {
    for (name, bad) in [("lm_head.bias", f32::NAN), ("blocks.0.ln1.weight", f32::INFINITY)] {
        let mut contents = guest();
        contents.tensors.get_mut(name).unwrap().values[3] = bad;
        let error = read(&written(&contents)).err().unwrap().to_string();
        assert!(error.contains(name) && error.contains("holds 1 number"), "{error}");
    }
    let mut session = testing::session(1);
    session.step().unwrap();
    let mut contents = parsed(&bytes(&session));
    let name = contents.tensors.keys().find(|name| name.starts_with("optim.v.")).unwrap().clone();
    contents.tensors.get_mut(&name).unwrap().values[0] = f32::NEG_INFINITY;
    let error = read(&written(&contents)).err().unwrap().to_string();
    // The checksum or the number: it is refused either way.
    assert!(error.contains("checksum") || error.contains(&name), "{error}");
}

#[test]
fn a_file_that_promises_what_it_has_not_is_refused_before_room_is_made() {
    let session = testing::open(testing::gpt(), 1);
    let contents = parsed(&bytes(&session));
    for (field, value, says) in [
        ("\"n_embd\":", "2048", "is ["),
        ("\"n_layer\":", "48", "is missing"),
        ("\"block_size\":", "18446744073709551615", "block_size must be"),
        ("\"vocab_size\":", "1000000000000", "vocab_size must be"),
        ("\"stage\":", "\"\\u202eevil\\u001b[2J\"", "its stage is called"),
        ("\"norm\":", "\"\\u001b[31mevil\"", "unknown variant"),
    ] {
        let mut contents = contents.clone();
        let config = contents.metadata.get_mut("config").unwrap();
        let at = config.find(field).unwrap() + field.len();
        let end = at + config[at..].find([',', '}']).unwrap();
        config.replace_range(at..end, value);
        let error = read(&written(&contents)).err().unwrap().to_string();
        assert!(error.contains(says), "{field} {error}");
        assert!(error.len() < 1000 && !error.chars().any(is_hidden), "{error}");
    }
    let mut contents = state_dict(&session);
    let odd = "x\u{1b}[2J\u{202e}".repeat(100_000);
    contents.tensors.insert(odd, Tensor { shape: vec![1], values: vec![1.0] });
    let error = read(&written(&contents)).err().unwrap().to_string();
    assert!(error.len() < 1000 && !error.chars().any(is_hidden), "{error}");
}
