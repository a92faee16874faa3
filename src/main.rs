//! The program; what it does is in `program`.

mod program;

fn main() -> ! {
    program::main()
}
