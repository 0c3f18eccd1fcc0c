// Large blocks of memory in mappings of their own. The C library keeps freed blocks of up to 32 MiB in its heaps,
// between small ones that live on, so that a process that loads models and closes them would hold the memory of
// several.
#pragma once

#include <cstddef>

#ifdef _WIN32
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace napi_torch {

// Smaller blocks belong into a heap: a mapping costs system calls, and a process may have about 65,000 of them.
inline constexpr size_t kMinMapping = size_t{1} << 20;

// `bytes` of zeros, aligned to a page; null where the system refuses them.
inline void* MapPages(size_t bytes) {
#ifdef _WIN32
  return VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
#else
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
#endif
}

// Gives the pages of MapPages back to the system.
inline void UnmapPages(void* pages, [[maybe_unused]] size_t bytes) {
#ifdef _WIN32
  VirtualFree(pages, 0, MEM_RELEASE);
#else
  munmap(pages, bytes);
#endif
}

}  // namespace napi_torch
