// The memory of CPU tensors, where the one that libtorch brings is not good enough.
#pragma once

#include <cstdint>
#include <memory>

namespace napi_torch {

class BlockPool;

// Replaces libtorch's CPU allocator by one that BlockCache can divert. For the whole process.
void InstallAllocator();

// Keeps the blocks of tensors that are freed for those that are made next. Fresh memory is given back to the system and
// taken from it again by the C library with every large batch, and each of its pages then costs a fault: that took up
// to two thirds of the time of libtorch's convolutions.
//
// Blocks may be freed on any thread and after the cache is gone.
class BlockCache {
 public:
  BlockCache();
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // Bytes of all blocks, used and free.
  int64_t bytes() const;

  // While it lives, CPU tensors that its thread makes have their memory from the cache.
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
