#include "allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

namespace napi_torch {
namespace {

constexpr size_t kAlignment = 64;  // As libtorch's own.

// libtorch asks for aligned memory. Before version 2.38, glibc seldom finds a freed block again for that, as it looks
// for one that is longer by the alignment: 3,000 tensors of 1 MiB, each freed before the next, could take 1 GiB. So
// this one asks for plain memory and aligns by itself. (glibc bug 14581)
class PlainAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    void* const data = size == 0 ? nullptr : Allocate(size);
    return {data, data, &Free, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &Free; }

  void copy_data(void* target, const void* source, size_t size) const override {
    default_copy_data(target, source, size);
  }

 private:
  static void* Allocate(size_t size) {
    const bool fits = size <= std::numeric_limits<size_t>::max() - kAlignment;
    void* const block = fits ? std::malloc(size + kAlignment) : nullptr;
    // libtorch's words, for which people search.
    TORCH_CHECK_WITH(OutOfMemoryError, block != nullptr,
                     "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", size, " bytes. Error code ",
                     ENOMEM, " (Cannot allocate memory)");
    // malloc aligns to 16 bytes, so that between the beginning of the block and the data there is room for a pointer.
    const auto address = (reinterpret_cast<uintptr_t>(block) + kAlignment) & ~(kAlignment - 1);
    auto* const data = reinterpret_cast<void**>(address);
    data[-1] = block;
    return data;
  }

  static void Free(void* data) {
    if (data != nullptr) std::free(static_cast<void**>(data)[-1]);
  }
};

bool LosesAlignedBlocks() {
#ifdef __GLIBC__
  int major = 0;
  int minor = 0;
  return std::sscanf(gnu_get_libc_version(), "%d.%d", &major, &minor) == 2 && major == 2 && minor < 38;
#else
  return false;
#endif
}

}  // namespace

void InstallAllocator() {
  if (!LosesAlignedBlocks()) return;
  // Never destroyed: threads may be at work when the process ends.
  static PlainAllocator& allocator = *std::make_unique<PlainAllocator>().release();
  if (c10::GetCPUAllocator() != &allocator) c10::SetCPUAllocator(&allocator);
}

}  // namespace napi_torch
