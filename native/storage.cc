#include "storage.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "convert.h"
#include "error.h"
#include "handle.h"

namespace napi_torch {
namespace {

FileError SystemError(const std::string& what, const std::string& path) {
  return FileError(what + " " + path + ": " + std::strerror(errno));
}

// An open regular file, closed at the end of its life.
class File {
 public:
  // Does not wait, as opening a pipe would for its other end.
  explicit File(const std::string& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) throw SystemError("Cannot open", path_);
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Throws a FileError unless the file has `length` bytes at `offset`.
  void CheckHolds(int64_t offset, int64_t length) const {
    struct stat status = {};
    if (fstat(descriptor_, &status) != 0) throw SystemError("Cannot read", path_);
    if (!S_ISREG(status.st_mode)) throw FileError("Cannot read " + path_ + ": it is not a regular file");
    if (status.st_size < offset || status.st_size - offset < length) throw EndsBefore(offset + length);
  }

  void Read(int64_t offset, int64_t length, uint8_t* into) const {
    for (int64_t done = 0; done < length;) {
      const ssize_t count = pread(descriptor_, into + done, static_cast<size_t>(length - done), offset + done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw SystemError("Cannot read", path_);
      if (count == 0) throw EndsBefore(offset + length);  // It has been cut meanwhile.
      done += count;
    }
  }

  int descriptor() const { return descriptor_; }

 private:
  FileError EndsBefore(int64_t byte) const {
    return FileError("Cannot read " + path_ + ": it ends before byte " + std::to_string(byte));
  }

  std::string path_;
  int descriptor_;
};

// A stretch of a file.
struct Stretch {
  std::string path;
  int64_t offset;
  int64_t length;
};

Stretch StretchOf(const Arguments& args) {
  Stretch stretch;
  stretch.path = args.String(0, "path");
  stretch.offset = args.Integer(1, "offset");
  stretch.length = args.Integer(2, "length");
  // The system would take the part before a zero for the whole path.
  if (stretch.path.find('\0') != std::string::npos) throw Expected(args.Env(), "a path without a zero byte", "path");
  if (stretch.offset < 0) throw Expected(args.Env(), "a non-negative integer", "offset");
  if (stretch.length < 0) throw Expected(args.Env(), "a non-negative integer", "length");
  return stretch;
}

#ifdef MADV_HUGEPAGE
constexpr size_t kHugePage = size_t{1} << 21;

// A mapping of `length` bytes that begins where a huge page can, and is made of such as far as the system has some.
// An undefined tensor where there is no memory.
at::Tensor OnHugePages(size_t length) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t size = (length + page - 1) / page * page;
  void* const start = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return {};

  const size_t lead = (kHugePage - reinterpret_cast<uintptr_t>(start) % kHugePage) % kHugePage;
  auto* const data = static_cast<uint8_t*>(start) + lead;
  if (lead > 0) munmap(start, lead);
  munmap(data + size, kHugePage - lead);
  madvise(data, size, MADV_HUGEPAGE);
  const auto unmap = [size](void* memory) { munmap(memory, size); };
  return at::from_blob(data, {static_cast<int64_t>(length)}, unmap, at::kByte);
}
#endif

// Memory to read into. The first touch of a page costs more than reading what it holds, so large pieces get huge pages:
// measured with the 45 MB of a ResNet-18, 11 ms of processor time in place of 27.
at::Tensor NewBytes(int64_t length) {
#ifdef MADV_HUGEPAGE
  if (static_cast<size_t>(length) >= kHugePage) {
    at::Tensor bytes = OnHugePages(static_cast<size_t>(length));
    if (bytes.defined()) return bytes;
  }
#endif
  return at::empty({length}, at::kByte);
}

// Reads a stretch of a file into new memory on a pool thread. Nothing of JavaScript is touched there.
class ReadWorker : public Napi::AsyncWorker {
 public:
  ReadWorker(Napi::Env env, Stretch stretch)
      : Napi::AsyncWorker(env, "napi-torch.readStorage"),
        deferred_(Napi::Promise::Deferred::New(env)),
        stretch_(std::move(stretch)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    const c10::InferenceMode inference_mode;
    try {
      const File file(stretch_.path);
      file.CheckHolds(stretch_.offset, stretch_.length);  // Before memory is taken for what is not there.
      at::Tensor bytes = NewBytes(stretch_.length);
      file.Read(stretch_.offset, stretch_.length, static_cast<uint8_t*>(bytes.mutable_data_ptr()));
      bytes_ = std::move(bytes);
    } catch (...) {
      failure_ = std::current_exception();
      SetError("Reading failed");
    }
  }

  void OnOK() override { deferred_.Resolve(WrapTensor(Env(), std::move(*bytes_))); }

  void OnError(const Napi::Error& /*error*/) override {
    try {
      std::rethrow_exception(failure_);
    } catch (...) {
      deferred_.Reject(CurrentError(Env()).Value());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  Stretch stretch_;
  std::optional<at::Tensor> bytes_;
  std::exception_ptr failure_;
};

// readStorage(path, offset, length): Promise of a uint8 tensor (length,)
Napi::Value ReadStorage(const Napi::CallbackInfo& info) {
  auto worker = std::make_unique<ReadWorker>(info.Env(), StretchOf(Arguments(info, "readStorage")));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  worker.release();  // NOLINT(bugprone-unused-return-value): a queued worker deletes itself.
  return promise;
}

// mapStorage(path, offset, length): uint8 tensor (length,) over the pages of the file, private to this process when
// written.
Napi::Value MapStorage(const Napi::CallbackInfo& info) {
  const auto [path, offset, length] = StretchOf(Arguments(info, "mapStorage"));
  const File file(path);
  file.CheckHolds(offset, length);  // A page past the end would be a bus error on first touch.
  if (length == 0) return WrapTensor(info.Env(), at::empty({0}, at::kByte));

  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t lead = offset % page;
  const auto mapped_length = static_cast<size_t>(length + lead);
  void* const start =
      mmap(nullptr, mapped_length, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.descriptor(), offset - lead);
  if (start == MAP_FAILED) throw SystemError("Cannot map", path);

  const auto unmap = [start, mapped_length](void*) { munmap(start, mapped_length); };
  return WrapTensor(info.Env(), at::from_blob(static_cast<uint8_t*>(start) + lead, {length}, unmap, at::kByte));
}

// The last element that a view can reach, or nothing where a size or the sum overflows.
std::optional<int64_t> LastElement(int64_t offset, at::IntArrayRef shape, at::IntArrayRef strides) {
  int64_t last = offset;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) || __builtin_add_overflow(last, reach, &last)) {
      return std::nullopt;
    }
  }
  return last;
}

// viewOfStorage(storage, dtype, offset, shape, strides): Tensor
// Shares the memory of the uint8 tensor (bytes,), unless that is not aligned for the dtype: then it has a copy.
Napi::Value ViewOfStorage(const Napi::CallbackInfo& info) {
  const Arguments args(info, "viewOfStorage");
  const at::Tensor storage = args.Tensor(0, "storage");
  const at::ScalarType dtype = args.DType(1, "dtype");
  const int64_t offset = args.Integer(2, "offset");
  const std::vector<int64_t> shape = args.Sizes(3, "shape");
  const std::vector<int64_t> strides = args.Sizes(4, "strides");

  const auto negative = [](int64_t value) { return value < 0; };
  if (storage.scalar_type() != at::kByte || !storage.is_contiguous()) {
    throw Expected(info.Env(), "a uint8 tensor without gaps", "storage");
  }
  if (offset < 0) throw Expected(info.Env(), "a non-negative integer", "offset");
  if (std::any_of(shape.begin(), shape.end(), negative)) throw Expected(info.Env(), "non-negative sizes", "shape");
  if (strides.size() != shape.size() || std::any_of(strides.begin(), strides.end(), negative)) {
    throw Expected(info.Env(), "a non-negative stride for each size", "strides");
  }

  const auto item_size = static_cast<int64_t>(c10::elementSize(dtype));
  const int64_t elements = storage.numel() / item_size;
  const bool is_empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  const std::optional<int64_t> last = LastElement(offset, shape, strides);
  if (is_empty ? offset > elements : !last || *last >= elements) {
    throw Expected(info.Env(), "a view inside its storage of " + std::to_string(elements) + " elements", "shape");
  }

  const bool is_aligned = reinterpret_cast<uintptr_t>(storage.const_data_ptr()) % item_size == 0;
  at::Tensor whole = is_aligned ? storage : storage.clone();
  whole = whole.slice(0, 0, elements * item_size).view(dtype);
  return WrapTensor(info.Env(), whole.as_strided(shape, strides, whole.storage_offset() + offset));
}

// storageId(tensor): bigint, equal for tensors that share a storage.
Napi::Value StorageId(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "storageId").Tensor(0, "tensor");
  const auto id = reinterpret_cast<uintptr_t>(tensor.storage().unsafeGetStorageImpl());
  return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(id));
}

Napi::Value StorageBytes(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "storageBytes").Tensor(0, "tensor");
  return Napi::Number::New(info.Env(), static_cast<double>(tensor.storage().nbytes()));
}

// copyStorage(tensor, offset, length): ArrayBuffer
Napi::Value CopyStorage(const Napi::CallbackInfo& info) {
  const Arguments args(info, "copyStorage");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t offset = args.Integer(1, "offset");
  const int64_t length = args.Integer(2, "length");
  const auto size = static_cast<int64_t>(tensor.storage().nbytes());
  if (offset < 0 || length < 0 || offset > size || length > size - offset) {
    throw Expected(info.Env(), "a stretch inside the storage of " + std::to_string(size) + " bytes", "offset");
  }

  at::Tensor bytes = at::empty({0}, tensor.options().dtype(at::kByte));
  bytes.set_(tensor.storage(), offset, {length}, {1});
  bytes = bytes.cpu();
  Napi::ArrayBuffer buffer = NewArrayBuffer(info.Env(), static_cast<size_t>(length));
  if (length > 0) std::memcpy(buffer.Data(), bytes.const_data_ptr(), static_cast<size_t>(length));
  return buffer;
}

// swapBytes_(storage, itemSize): turns the byte order of every item, in place.
Napi::Value SwapBytes(const Napi::CallbackInfo& info) {
  const Arguments args(info, "swapBytes_");
  const at::Tensor storage = args.Tensor(0, "storage");
  const int64_t item_size = args.Integer(1, "itemSize");
  if (storage.scalar_type() != at::kByte || !storage.is_contiguous() || !storage.is_cpu()) {
    throw Expected(info.Env(), "a uint8 tensor on the CPU", "storage");
  }
  if (item_size < 1 || storage.numel() % item_size != 0)
    throw Expected(info.Env(), "a divisor of the size", "itemSize");

  auto* const data = static_cast<uint8_t*>(storage.mutable_data_ptr());
  for (int64_t at = 0; at < storage.numel(); at += item_size) std::reverse(data + at, data + at + item_size);
  return info.Env().Undefined();
}

}  // namespace

void InitStorage(Napi::Env env, Napi::Object exports) {
  Export<ReadStorage>(env, exports, "readStorage");
  Export<MapStorage>(env, exports, "mapStorage");
  Export<ViewOfStorage>(env, exports, "viewOfStorage");
  Export<StorageId>(env, exports, "storageId");
  Export<StorageBytes>(env, exports, "storageBytes");
  Export<CopyStorage>(env, exports, "copyStorage");
  Export<SwapBytes>(env, exports, "swapBytes_");
}

}  // namespace napi_torch
