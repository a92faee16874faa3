// Calls into libtorch that tch does not have: deterministic cuDNN, and the CUDA graph.
//
// libtorch_cuda.so is looked up at run time: named here, it would have to be there for the program to start. A symbol's name
// holds the types of its arguments, so a changed signature is a symbol that is missing. What the name does not hold, sizes and
// results, is checked against libtorch's headers by a test, which compiles this file with CHECK_HEADERS.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#ifdef __linux__
#include <dlfcn.h>
#endif

#ifdef CHECK_HEADERS
#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#else
namespace at {
class Context {
public:
  void setDeterministicCuDNN(bool);
};
Context &globalContext();
} // namespace at
#endif

// As c10::cuda::CUDAStream: a device's kind and index, and the stream's number.
struct PlainStream {
  int8_t device_type, device_index;
  int64_t id;
};

#ifdef CHECK_HEADERS
using Stream = c10::cuda::CUDAStream;
using CaptureMode = cudaStreamCaptureMode;
#else
using Stream = PlainStream;
using CaptureMode = int;
#endif

// libtorch's functions.
using SetDevice = void(int8_t, bool);
using Synchronize = void();
using StreamFromPool = Stream(bool, int8_t);
using SetCurrentStream = void(Stream);
// The methods of at::cuda::CUDAGraph, the object first.
using MempoolId = std::pair<unsigned long long, unsigned long long>;
using Construct = void(void *, bool);
using CaptureBegin = void(void *, MempoolId, CaptureMode);
using CaptureEnd = void(void *);
using Replay = void(void *);
using Destruct = void(void *);

// The room for a CUDAGraph, whose size is known to libtorch alone.
constexpr size_t ROOM = 4096;
constexpr CaptureMode GLOBAL{}; // cudaStreamCaptureModeGlobal

#ifdef CHECK_HEADERS
template <typename Name, typename T> constexpr bool is = std::is_same_v<Name, T>;
using Graph = at::cuda::CUDAGraph;
template <typename F> struct OfGraph;
template <typename R, typename... A> struct OfGraph<R(void *, A...)> {
  using Method = R (Graph::*)(A...);
};
static_assert(is<decltype(&c10::cuda::set_device), SetDevice *>);
static_assert(is<decltype(&c10::cuda::device_synchronize), Synchronize *>);
static_assert(is<decltype(static_cast<StreamFromPool *>(&c10::cuda::getStreamFromPool)), StreamFromPool *>);
static_assert(is<decltype(&c10::cuda::setCurrentCUDAStream), SetCurrentStream *>);
static_assert(sizeof(Stream) == sizeof(PlainStream) && alignof(Stream) == alignof(PlainStream));
static_assert(std::is_trivially_copyable_v<Stream> && std::is_trivially_destructible_v<Stream>);
static_assert(is<c10::DeviceIndex, decltype(PlainStream::device_index)>);
static_assert(is<c10::StreamId, decltype(PlainStream::id)>);
static_assert(sizeof(Graph) <= ROOM && alignof(Graph) <= alignof(std::max_align_t));
static_assert(std::is_constructible_v<Graph, bool>);
static_assert(is<decltype(&Graph::capture_begin), OfGraph<CaptureBegin>::Method>);
static_assert(is<decltype(&Graph::capture_end), OfGraph<CaptureEnd>::Method>);
static_assert(is<decltype(&Graph::replay), OfGraph<Replay>::Method>);
static_assert(sizeof(CaptureMode) == sizeof(int) && cudaStreamCaptureModeGlobal == GLOBAL);
#endif

// Runs a call. An exception must not reach Rust: it ends here, as its text.
template <typename F> static bool guarded(char *text, size_t length, F call) {
  try {
    call();
    return true;
  } catch (const std::exception &error) {
    std::snprintf(text, length, "%s", error.what());
  } catch (...) {
    std::snprintf(text, length, "an exception without a text");
  }
  return false;
}

// The function of this name in what is loaded.
template <typename F> static F *symbol([[maybe_unused]] const char *name) {
#ifdef __linux__
  if (void *found = dlsym(RTLD_DEFAULT, name))
    return reinterpret_cast<F *>(found);
  throw std::runtime_error(std::string("this libtorch has no ") + name);
#else
  throw std::runtime_error("there is no CUDA on this system");
#endif
}

// All of them, or an exception that names the first that is missing.
struct Methods {
  Construct *construct = symbol<Construct>("_ZN2at4cuda9CUDAGraphC1Eb");
  CaptureBegin *capture_begin =
      symbol<CaptureBegin>("_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode");
  CaptureEnd *capture_end = symbol<CaptureEnd>("_ZN2at4cuda9CUDAGraph11capture_endEv");
  Replay *replay = symbol<Replay>("_ZN2at4cuda9CUDAGraph6replayEv");
  Destruct *destruct = symbol<Destruct>("_ZN2at4cuda9CUDAGraphD1Ev");
};

static const Methods &methods() {
  static const Methods found;
  return found;
}

extern "C" {

// Loads libtorch's CUDA part, its symbols visible to libtorch; it stays loaded.
bool cuda_load(char *text, size_t length) {
  return guarded(text, length, [] {
#ifdef __linux__
    if (!dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_GLOBAL))
      throw std::runtime_error(dlerror());
#else
    throw std::runtime_error("there is no CUDA on this system");
#endif
  });
}

bool cuda_set_deterministic(char *text, size_t length) {
  return guarded(text, length, [] { at::globalContext().setDeterministicCuDNN(true); });
}

// Makes a stream of libtorch's pool the current one of this thread, once the device has done what it was given before.
bool cuda_own_stream(int8_t device, char *text, size_t length) {
  return guarded(text, length, [=] {
    auto set_device = symbol<SetDevice>("_ZN3c104cuda10set_deviceEab");
    auto synchronize = symbol<Synchronize>("_ZN3c104cuda18device_synchronizeEv");
    auto from_pool = symbol<StreamFromPool>("_ZN3c104cuda17getStreamFromPoolEba");
    auto set_current = symbol<SetCurrentStream>("_ZN3c104cuda20setCurrentCUDAStreamENS0_10CUDAStreamE");
    set_device(device, false);
    synchronize();
    set_current(from_pool(false, device));
  });
}

bool cuda_graph_new(void **graph, char *text, size_t length) {
  return guarded(text, length, [=] {
    void *room = operator new(ROOM);
    try {
      methods().construct(room, false);
    } catch (...) {
      operator delete(room);
      throw;
    }
    *graph = room;
  });
}

bool cuda_graph_capture_begin(void *graph, char *text, size_t length) {
  // In a pool of its own
  return guarded(text, length, [=] { methods().capture_begin(graph, MempoolId(0, 0), GLOBAL); });
}

bool cuda_graph_capture_end(void *graph, char *text, size_t length) {
  return guarded(text, length, [=] { methods().capture_end(graph); });
}

bool cuda_graph_replay(void *graph, char *text, size_t length) {
  return guarded(text, length, [=] { methods().replay(graph); });
}

bool cuda_graph_delete(void *graph, char *text, size_t length) {
  return guarded(text, length, [=] {
    methods().destruct(graph);
    operator delete(graph);
  });
}

} // extern "C"
