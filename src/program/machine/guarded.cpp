// Calls libtorch's C++, found by its symbols, for Rust. An exception must not reach Rust: it ends here, as its text.

#include <cstdint>
#include <cstdio>
#include <exception>

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

// As c10::cuda::CUDAStream is passed: a device and the stream's number.
struct Stream {
  int64_t device, id;
};

// Makes a stream of libtorch's pool the current one of a device, and the device the current one of this thread.
extern "C" bool guarded_own_stream(void (*set_device)(int8_t, bool), Stream (*from_pool)(bool, int8_t),
                                   void (*set_current)(Stream), int8_t device, char *text, size_t length) {
  return guarded(text, length, [=] {
    set_device(device, false);
    set_current(from_pool(false, device));
  });
}

// Calls a method of an object. Those that take fewer arguments leave the zeros in the registers alone.
extern "C" bool guarded_method(void (*method)(void *, uint64_t, uint64_t, int), void *object, char *text,
                               size_t length) {
  return guarded(text, length, [=] { method(object, 0, 0, 0); });
}
