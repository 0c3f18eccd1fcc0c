// Memory of JavaScript that other threads use while JavaScript goes on, which may transfer or resize it meanwhile.
#pragma once

#include <napi.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "convert.h"

namespace napi_torch {

// Keeps the memory of an ArrayBuffer valid until the last copy of the pointer is gone, whatever becomes of the buffer,
// but for `transfer(length)` to another length in Node 21 to 23; any thread may drop it. Null for shared memory, which
// lives as long as an object that refers to it, for memory that can be resized, and where the runtime gives no access
// to it.
std::shared_ptr<void> HoldMemory(Napi::Env env, const Bytes& bytes);
// Whether JavaScript can take the memory away from its buffer: not that of WebAssembly, whose buffers are replaced when
// it grows. True where the runtime does not tell.
bool MayBeDetached(Napi::Env env, const Bytes& bytes);

// A part of a typed array for the time of some work on another thread. Where the memory cannot be held it is a copy.
class BorrowedArray {
 public:
  enum class Use { kRead, kWrite };

  // `name` is what errors call the array. Reads `length` bytes from `offset` on, by default all.
  BorrowedArray(Napi::Env env, const Bytes& bytes, std::string name, Use use, size_t offset = 0,
                size_t length = std::numeric_limits<size_t>::max());

  uint8_t* data() const { return data_; }
  size_t length() const { return length_; }

  // Call it on the JavaScript thread after the work. Throws TORCH_INVALID_ARGUMENT if the array no longer has the
  // memory that was borrowed: the work then used bytes that are another's now.
  void Return(Napi::Env env) const;

 private:
  Napi::ObjectReference view_;
  std::string name_;
  Use use_;
  const uint8_t* address_;
  size_t bytes_;
  size_t offset_;
  size_t length_;
  std::shared_ptr<void> memory_;
  bool is_copy_ = false;
  uint8_t* data_;
};

}  // namespace napi_torch
