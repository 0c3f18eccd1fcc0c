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
#include <memory>
#include <optional>
#include <string>

#include "convert.h"
#include "error.h"
#include "handle.h"

namespace napi_torch {
namespace {

// An open file, closed at the end of its life.
class File {
 public:
  explicit File(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string SystemError(const std::string& what, const std::string& path) {
  return what + " " + path + ": " + std::strerror(errno);
}

// Reads a stretch of a file into new memory on a pool thread. Nothing of JavaScript is touched there.
class ReadWorker : public Napi::AsyncWorker {
 public:
  ReadWorker(Napi::Env env, std::string path, int64_t offset, int64_t length)
      : Napi::AsyncWorker(env, "napi-torch.readStorage"),
        deferred_(Napi::Promise::Deferred::New(env)),
        path_(std::move(path)),
        offset_(offset),
        length_(length) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    const c10::InferenceMode inference_mode;
    const File file(path_);
    if (!file.is_open()) return SetError(SystemError("Cannot open", path_));

    at::Tensor bytes = at::empty({length_}, at::kByte);
    auto* const data = static_cast<uint8_t*>(bytes.mutable_data_ptr());
    for (int64_t done = 0; done < length_;) {
      const ssize_t count = pread(file.descriptor(), data + done, static_cast<size_t>(length_ - done), offset_ + done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SetError(SystemError("Cannot read", path_));
      if (count == 0) return SetError("Cannot read " + path_ + ": it ends before byte " + std::to_string(offset_ + length_));
      done += count;
    }
    bytes_ = std::move(bytes);
  }

  void OnOK() override { deferred_.Resolve(WrapTensor(Env(), std::move(*bytes_))); }

  void OnError(const Napi::Error& error) override {
    deferred_.Reject(TorchError(Env(), "TORCH_FILE", error.Message()).Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::string path_;
  int64_t offset_;
  int64_t length_;
  std::optional<at::Tensor> bytes_;
};

// readStorage(path, offset, length): Promise of a uint8 tensor (length,)
Napi::Value ReadStorage(const Napi::CallbackInfo& info) {
  const Arguments args(info, "readStorage");
  const std::string path = args.String(0, "path");
  const int64_t offset = args.Integer(1, "offset");
  const int64_t length = args.Integer(2, "length");
  if (offset < 0) throw Expected(info.Env(), "a non-negative integer", "offset");
  if (length < 0) throw Expected(info.Env(), "a non-negative integer", "length");

  auto worker = std::make_unique<ReadWorker>(info.Env(), path, offset, length);
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  worker.release();  // NOLINT(bugprone-unused-return-value): a queued worker deletes itself.
  return promise;
}

// mapStorage(path, offset, length): uint8 tensor (length,) over the pages of the file, private to this process when written.
Napi::Value MapStorage(const Napi::CallbackInfo& info) {
  const Arguments args(info, "mapStorage");
  const std::string path = args.String(0, "path");
  const int64_t offset = args.Integer(1, "offset");
  const int64_t length = args.Integer(2, "length");
  if (offset < 0) throw Expected(info.Env(), "a non-negative integer", "offset");
  if (length < 0) throw Expected(info.Env(), "a non-negative integer", "length");
  if (length == 0) return WrapTensor(info.Env(), at::empty({0}, at::kByte));

  const File file(path);
  if (!file.is_open()) throw TorchError(info.Env(), "TORCH_FILE", SystemError("Cannot open", path));
  struct stat status = {};
  if (fstat(file.descriptor(), &status) != 0) throw TorchError(info.Env(), "TORCH_FILE", SystemError("Cannot read", path));
  // A page past the end would be a bus error on first touch.
  if (status.st_size < offset || status.st_size - offset < length) {
    throw TorchError(info.Env(), "TORCH_FILE", "Cannot map " + path + ": it ends before byte " +
                                                   std::to_string(offset + length));
  }

  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t lead = offset % page;
  const auto mapped_length = static_cast<size_t>(length + lead);
  void* const start = mmap(nullptr, mapped_length, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.descriptor(), offset - lead);
  if (start == MAP_FAILED) throw TorchError(info.Env(), "TORCH_FILE", SystemError("Cannot map", path));

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
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(info.Env(), static_cast<size_t>(length));
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
  if (item_size < 1 || storage.numel() % item_size != 0) throw Expected(info.Env(), "a divisor of the size", "itemSize");

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
