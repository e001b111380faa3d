fn main() -> std::process::ExitCode {
    gpt_lab::cli::main()
}
