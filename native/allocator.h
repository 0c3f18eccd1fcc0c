// The memory of CPU tensors, where the one that libtorch brings is not good enough.
#pragma once

namespace napi_torch {

// Replaces libtorch's CPU allocator on systems whose C library does not get along with it. For the whole process.
void InstallAllocator();

}  // namespace napi_torch
