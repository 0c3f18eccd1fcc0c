// The memory of CPU tensors, in place of libtorch's own allocator.
#pragma once

#include <cstdint>
#include <memory>

namespace napi_torch {

class BlockPool;

// Replaces libtorch's CPU allocator, for the whole process, by one that can take memory from a BlockCache.
void InstallAllocator();

// Gives memory that freed tensors have left, and that the C library keeps, back to the system. It takes milliseconds.
void ReleaseFreeMemory();

// Keeps the memory of freed tensors for new ones. Without it, the C library returns memory to the system and requests
// it again with every large batch, and each page then costs a page fault: that took up to two thirds of the time of
// libtorch's convolutions.
//
// Blocks may be freed on any thread, and after the cache is destroyed.
class BlockCache {
 public:
  BlockCache();
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // Bytes of all blocks, used and free.
  int64_t bytes() const;

  // While it lives, new CPU tensors of its thread take their memory from the cache.
  class Use {
   public:
    explicit Use(const BlockCache& cache);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    const std::shared_ptr<BlockPool>* before_;
  };

 private:
  std::shared_ptr<BlockPool> pool_;
};

}  // namespace napi_torch
