// Searched last: a libtorch that is installed, wherever it is, comes before this or is found by include_next.
#if __has_include_next(<torch/torch.h>)
#include_next <torch/torch.h>
#else
#error libtorch is not installed yet: run ./scripts/train.sh once, which installs libtorch and builds this program
#endif
