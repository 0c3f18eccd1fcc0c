#include "allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cerrno>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "pages.h"

namespace napi_torch {
namespace {

struct Block {
  void* memory = nullptr;
  size_t size = 0;
};

// The memory is null where the system refuses it.
Block NewBlock(size_t size) { return {size < kMinMapping ? std::malloc(size) : MapPages(size), size}; }

void FreeBlock(const Block& block) {
  if (block.size < kMinMapping) {
    std::free(block.memory);
  } else {
    UnmapPages(block.memory, block.size);
  }
}

// Whether a free block may serve a request without wasting more than a quarter.
bool Fits(size_t block_size, size_t size) { return block_size >= size && block_size - size <= size / 4; }

// The large blocks that were freed last, for the next tensors: operators called one by one make and free the same sizes
// over and over, and each page of a new mapping costs a page fault.
class RecentBlocks {
 public:
  Block Take(size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto found = blocks_.rbegin(); found != blocks_.rend(); ++found) {
      if (!Fits(found->size, size)) continue;
      const Block block = *found;
      blocks_.erase(std::next(found).base());
      bytes_ -= block.size;
      return block;
    }
    return {};
  }

  void Give(const Block& block) {
    std::vector<Block> oldest;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      blocks_.push_back(block);
      bytes_ += block.size;
      for (; bytes_ > kMaxBytes; blocks_.pop_front()) {
        oldest.push_back(blocks_.front());
        bytes_ -= blocks_.front().size;
      }
    }
    for (const Block& free : oldest) FreeBlock(free);
  }

  void Clear() {
    std::deque<Block> all;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      all.swap(blocks_);
      bytes_ = 0;
    }
    for (const Block& block : all) FreeBlock(block);
  }

 private:
  // Two feature maps of the first layers of ResNet-18, for eight images of 224 pixels.
  static constexpr size_t kMaxBytes = size_t{52} << 20;

  std::mutex mutex_;
  std::deque<Block> blocks_;  // The one that was freed first comes first.
  size_t bytes_ = 0;
};

}  // namespace

// The blocks of one cache. Each block in use keeps the pool alive.
class BlockPool {
 public:
  ~BlockPool() { Clear(); }

  // A free block that fits; or null.
  Block Take(size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = free_.lower_bound(size);
    if (found == free_.end() || !Fits(found->first, size)) return {};
    const Block block{found->second, found->first};
    free_.erase(found);
    return block;
  }

  void Grow(size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    bytes_ += static_cast<int64_t>(size);
  }

  void Give(const Block& block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_open_) {
      free_.emplace(block.size, block.memory);
    } else {
      FreeBlock(block);
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
    for (const auto& [size, memory] : free_) FreeBlock({memory, size});
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
  Block block;
  std::shared_ptr<BlockPool> pool;
};
static_assert(sizeof(Header) <= kAlignment);

constexpr size_t kOverhead = 2 * kAlignment;  // The header, and the bytes lost to its alignment.

Header* HeaderOf(void* data) { return reinterpret_cast<Header*>(static_cast<char*>(data) - kAlignment); }

// Never destroyed: threads may still run when the process exits.
RecentBlocks& Recent() {
  static RecentBlocks& blocks = *std::make_unique<RecentBlocks>().release();
  return blocks;
}

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
    const size_t wanted = size + kOverhead;
    Block block;
    if (fits && pool != nullptr) block = pool->Take(wanted);
    if (fits && pool == nullptr && wanted >= kMinMapping) block = Recent().Take(wanted);
    if (fits && block.memory == nullptr) {
      block = NewBlock(wanted);
      if (block.memory != nullptr && pool != nullptr) pool->Grow(wanted);
    }
    // The text of libtorch's own allocator, which people search for.
    TORCH_CHECK_WITH(OutOfMemoryError, block.memory != nullptr,
                     "DefaultCPUAllocator: can't allocate memory: you tried to allocate ", size, " bytes. Error code ",
                     ENOMEM, " (Cannot allocate memory)");
    const auto address = (reinterpret_cast<uintptr_t>(block.memory) + kOverhead - 1) & ~(kAlignment - 1);
    auto* const data = reinterpret_cast<void*>(address);
    new (HeaderOf(data)) Header{block, std::move(pool)};
    return data;
  }

  static void Free(void* data) {
    if (data == nullptr) return;
    Header* const header = HeaderOf(data);
    const Block block = header->block;
    const std::shared_ptr<BlockPool> pool = std::move(header->pool);
    header->~Header();
    if (pool != nullptr) {
      pool->Give(block);
    } else if (block.size >= kMinMapping) {
      Recent().Give(block);
    } else {
      FreeBlock(block);
    }
  }
};

}  // namespace

BlockCache::BlockCache() : pool_(std::make_shared<BlockPool>()) {}

BlockCache::~BlockCache() { pool_->Close(); }

int64_t BlockCache::bytes() const { return pool_->bytes(); }

BlockCache::Use::Use(const BlockCache& cache) : before_(std::exchange(CurrentPool(), &cache.pool_)) {}

BlockCache::Use::~Use() { CurrentPool() = before_; }

void ReleaseFreeMemory() {
  Recent().Clear();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

void InstallAllocator() {
  // Never destroyed: threads may still run when the process exits.
  static HeaderAllocator& allocator = *std::make_unique<HeaderAllocator>().release();
  if (c10::GetCPUAllocator() != &allocator) c10::SetCPUAllocator(&allocator);
}

}  // namespace napi_torch
