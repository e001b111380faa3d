//! `#[apply(vectorised)]` before a function: it is compiled three times (AVX-512, AVX2 with FMA, the target's baseline) and
//! chosen at run time. For a loop that a training step spends its time in; what it calls must be inlined into it.

pub(crate) use macro_rules_attribute::apply;
/// In such a function: whether the processor that it is compiled for can do something.
pub(crate) use multiversion::target::target_cfg_f;

macro_rules! vectorised {
    ($($function:tt)*) => {
        #[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
        $($function)*
    };
}
pub(crate) use vectorised;
