use gpt_lab::cli;

#[global_allocator]
static ALLOCATOR: cli::bench::allocations::Counting = cli::bench::allocations::Counting;

fn main() -> std::process::ExitCode {
    cli::main()
}
