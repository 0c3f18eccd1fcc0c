#include "allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <tuple>
#include <utility>

namespace napi_torch {

// The blocks of one cache. Each block in use keeps the pool alive.
class BlockPool {
 public:
  ~BlockPool() { Clear(); }

  // A free block of at least `size` bytes, and at most 25 % more, with its size; or null.
  std::pair<void*, size_t> Take(size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = free_.lower_bound(size);
    if (found == free_.end() || found->first - size > size / 4) return {nullptr, 0};
    const std::pair<void*, size_t> result{found->second, found->first};
    free_.erase(found);
    return result;
  }

  void Grow(size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    bytes_ += static_cast<int64_t>(size);
  }

  void Give(void* block, size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_open_) {
      free_.emplace(size, block);
    } else {
      std::free(block);
    }
  }

  void Close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_open_ = false;
    Clear();
  }

  int64_t bytes() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return bytes_;
  }

 private:
  void Clear() {
    for (const auto& [size, block] : free_) std::free(block);
    free_.clear();
  }

  mutable std::mutex mutex_;
  bool is_open_ = true;
  std::multimap<size_t, void*> free_;
  int64_t bytes_ = 0;
};

namespace {

constexpr size_t kAlignment = 64;  // As in libtorch's own allocator.

// Precedes the data of each tensor.
struct Header {
  void* block = nullptr;
  size_t size = 0;
  std::shared_ptr<BlockPool> pool;
};
static_assert(sizeof(Header) <= kAlignment);

constexpr size_t kOverhead = 2 * kAlignment;  // The header, and the bytes lost to its alignment.

Header* HeaderOf(void* data) { return reinterpret_cast<Header*>(static_cast<char*>(data) - kAlignment); }

// The pool that provides the memory of the thread's new tensors. Thread-local, as are the modes of libtorch.
const std::shared_ptr<BlockPool>*& CurrentPool() {
  static thread_local const std::shared_ptr<BlockPool>* pool = nullptr;
  return pool;
}

// libtorch requests aligned memory. Before version 2.38, glibc seldom reuses a freed block for such a request, as it
// looks for one that is longer by the alignment: 3,000 tensors of 1 MiB, each freed before the next, could take 1 GiB
// (glibc bug 14581). This allocator requests plain memory and aligns it itself.
class HeaderAllocator final : public c10::Allocator {
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
    const bool fits = size <= std::numeric_limits<size_t>::max() - kOverhead;
    std::shared_ptr<BlockPool> pool = CurrentPool() == nullptr ? nullptr : *CurrentPool();
    size_t block_size = size + kOverhead;
    void* block = nullptr;
    if (fits && pool != nullptr) {
      const auto [found, found_size] = pool->Take(block_size);
      if (found != nullptr) std::tie(block, block_size) = std::pair(found, found_size);
    }
    if (fits && block == nullptr) {
      block = std::malloc(block_size);
      if (block != nullptr && pool != nullptr) pool->Grow(block_size);
    }
    // The text of libtorch's own allocator, which people search for.
    TORCH_CHECK_WITH(OutOfMemoryError, block != nullptr,
                     "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", size, " bytes. Error code ",
                     ENOMEM, " (Cannot allocate memory)");
    const auto address = (reinterpret_cast<uintptr_t>(block) + kOverhead - 1) & ~(kAlignment - 1);
    auto* const data = reinterpret_cast<void*>(address);
    new (HeaderOf(data)) Header{block, block_size, std::move(pool)};
    return data;
  }

  static void Free(void* data) {
    if (data == nullptr) return;
    Header* const header = HeaderOf(data);
    void* const block = header->block;
    const size_t size = header->size;
    const std::shared_ptr<BlockPool> pool = std::move(header->pool);
    header->~Header();
    if (pool == nullptr) {
      std::free(block);
    } else {
      pool->Give(block, size);
    }
  }
};

}  // namespace

BlockCache::BlockCache() : pool_(std::make_shared<BlockPool>()) {}

BlockCache::~BlockCache() { pool_->Close(); }

int64_t BlockCache::bytes() const { return pool_->bytes(); }

BlockCache::Use::Use(const BlockCache& cache) : before_(std::exchange(CurrentPool(), &cache.pool_)) {}

BlockCache::Use::~Use() { CurrentPool() = before_; }

void InstallAllocator() {
  // Never destroyed: threads may still run when the process exits.
  static HeaderAllocator& allocator = *std::make_unique<HeaderAllocator>().release();
  if (c10::GetCPUAllocator() != &allocator) c10::SetCPUAllocator(&allocator);
}

}  // namespace napi_torch
