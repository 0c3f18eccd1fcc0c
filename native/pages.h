// Large blocks of memory in mappings of their own. The C library keeps freed blocks of up to 32 MiB in its heaps,
// between small ones that live on, so that a process that loads models and closes them would hold the memory of
// several.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef _WIN32
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
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

inline constexpr size_t kHugePage = size_t{1} << 21;

// As MapPages, in huge pages as far as `bytes` fill them and the system has some: memory that is read from one end to
// the other again and again, such as weights, would otherwise miss the TLB at every page. What is left over at the end
// lies in small pages, so that no memory is taken beyond `bytes`.
inline void* MapHugePages(size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (bytes < kHugePage || bytes + kHugePage < bytes) return MapPages(bytes);
  void* const pages = MapPages(bytes + kHugePage);
  if (pages == nullptr) return nullptr;
  // Huge pages are aligned to their size; what lies around the aligned part goes back.
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(pages) % kHugePage) % kHugePage;
  char* const begin = static_cast<char*>(pages) + before;
  const auto small = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t length = (bytes + small - 1) / small * small;
  if (before != 0) munmap(pages, before);
  munmap(begin + length, bytes + kHugePage - before - length);
  madvise(begin, length, MADV_HUGEPAGE);  // Advice: what refuses it is no failure.
  return begin;
#else
  return MapPages(bytes);
#endif
}

// Gives the pages of MapPages or MapHugePages back to the system.
inline void UnmapPages(void* pages, [[maybe_unused]] size_t bytes) {
#ifdef _WIN32
  VirtualFree(pages, 0, MEM_RELEASE);
#else
  munmap(pages, bytes);
#endif
}

}  // namespace napi_torch
