// Searched last: a libtorch that is installed, wherever it is, comes before this file or is found by include_next.
#if __has_include_next(<torch/torch.h>)
#include_next <torch/torch.h>
#else
// A file that is not there ends the compilation at once, with its name as the message.
#include "libtorch is not installed yet: run ./scripts/train.sh once, it installs libtorch and builds this program"
#endif
