#include "storage.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "convert.h"
#include "error.h"
#include "file.h"
#include "handle.h"

namespace napi_torch {
namespace {

// Byte ranges of a file, in any order.
struct FileRanges {
  std::string path;
  std::vector<int64_t> offsets;
  std::vector<int64_t> lengths;
  // From the first byte of any range to the end of the last one; begin > end if all are empty.
  int64_t begin = std::numeric_limits<int64_t>::max();
  int64_t end = 0;
};

// Reads the arguments (path, offsets, lengths).
FileRanges ReadFileRanges(const Arguments& args) {
  FileRanges result;
  result.path = args.String(0, "path");
  result.offsets = args.Integers(1, "offsets");
  result.lengths = args.Integers(2, "lengths");
  // The system would take the part before a zero byte for the whole path.
  if (result.path.find('\0') != std::string::npos) throw Expected(args.Env(), "a path without a zero byte", "path");
  if (result.lengths.size() != result.offsets.size()) {
    throw Expected(args.Env(), "a length for each offset", "lengths");
  }
  for (size_t i = 0; i < result.offsets.size(); ++i) {
    const int64_t offset = result.offsets[i];
    const int64_t length = result.lengths[i];
    if (offset < 0) throw Expected(args.Env(), "non-negative integers", "offsets");
    if (length < 0) throw Expected(args.Env(), "non-negative integers", "lengths");
    if (length > 0) result.begin = std::min(result.begin, offset);
    result.end = std::max(result.end, offset + length);
  }
  return result;
}

Napi::Array WrapAll(Napi::Env env, std::vector<at::Tensor> tensors) {
  Napi::Array result = Napi::Array::New(env, tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    result.Set(static_cast<uint32_t>(i), WrapTensor(env, std::move(tensors[i])));
  }
  return result;
}

// Reads ranges of a file into new memory, on a pool thread, which does not access JavaScript.
class ReadWorker : public Napi::AsyncWorker {
 public:
  ReadWorker(Napi::Env env, FileRanges ranges)
      : Napi::AsyncWorker(env, "napi-torch.readStorages"),
        deferred_(Napi::Promise::Deferred::New(env)),
        ranges_(std::move(ranges)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    try {
      const auto& [path, offsets, lengths, begin, end] = ranges_;
      const File file(path);
      file.CheckHolds(0, end);  // Before memory is allocated for bytes that do not exist.
      for (size_t i = 0; i < offsets.size(); ++i) {
        at::Tensor bytes = at::empty({lengths[i]}, at::kByte);
        file.Read(offsets[i], lengths[i], static_cast<uint8_t*>(bytes.mutable_data_ptr()));
        tensors_.push_back(std::move(bytes));
      }
    } catch (...) {
      failure_ = std::current_exception();
      SetError("Reading failed");
    }
  }

  void OnOK() override { deferred_.Resolve(WrapAll(Env(), std::move(tensors_))); }

  void OnError(const Napi::Error& /*error*/) override {
    try {
      std::rethrow_exception(failure_);
    } catch (...) {
      deferred_.Reject(CurrentError(Env()).Value());
    }
  }

 private:
  Napi::Promise::Deferred deferred_;
  FileRanges ranges_;
  std::vector<at::Tensor> tensors_;
  std::exception_ptr failure_;
};

// readStorages(path, offsets, lengths): Promise<Tensor[]>, a uint8 tensor (length,) for each range
Napi::Value ReadStorages(const Napi::CallbackInfo& info) {
  auto worker = std::make_unique<ReadWorker>(info.Env(), ReadFileRanges(Arguments(info, "readStorages")));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  worker.release();  // NOLINT(bugprone-unused-return-value): a queued worker deletes itself.
  return promise;
}

// mapStorages(path, offsets, lengths): Tensor[], for each range a uint8 tensor (length,) over the pages of the file.
// They share one mapping, as the number of mappings of a process is limited.
Napi::Value MapStorages(const Napi::CallbackInfo& info) {
  const auto [path, offsets, lengths, begin, end] = ReadFileRanges(Arguments(info, "mapStorages"));
  const File file(path);
  file.CheckHolds(0, end);  // Accessing a page past the end would be a bus error.
  const std::shared_ptr<Mapping> mapping = begin < end ? std::make_shared<Mapping>(file, begin, end) : nullptr;

  std::vector<at::Tensor> tensors;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const auto release = [mapping](void*) {};
    tensors.push_back(lengths[i] == 0 ? at::empty({0}, at::kByte)
                                      : at::from_blob(mapping->At(offsets[i]), {lengths[i]}, release, at::kByte));
  }
  return WrapAll(info.Env(), std::move(tensors));
}

// The index of the last element of a view, or nothing where it overflows.
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
// Shares the memory of the uint8 tensor (bytes,). Where that is not aligned for the dtype, it is a copy.
Napi::Value ViewOfStorage(const Napi::CallbackInfo& info) {
  const Arguments args(info, "viewOfStorage");
  const at::Tensor storage = args.Tensor(0, "storage");
  const at::ScalarType dtype = args.DType(1, "dtype");
  const int64_t offset = args.Integer(2, "offset");
  const std::vector<int64_t> shape = args.Sizes(3, "shape");
  const std::vector<int64_t> strides = args.Sizes(4, "strides");

  const auto negative = [](int64_t value) { return value < 0; };
  if (storage.scalar_type() != at::kByte || !storage.is_contiguous()) {
    throw Expected(info.Env(), "a contiguous uint8 tensor", "storage");
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
  // Detached, as it is no view of bytes to autograd.
  return WrapTensor(info.Env(), whole.as_strided(shape, strides, whole.storage_offset() + offset).detach());
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
    throw Expected(info.Env(), "a range inside the storage of " + std::to_string(size) + " bytes", "offset");
  }

  at::Tensor bytes = at::empty({0}, tensor.options().dtype(at::kByte));
  bytes.set_(tensor.storage(), offset, {length}, {1});
  bytes = bytes.cpu();
  Napi::ArrayBuffer buffer = NewArrayBuffer(info.Env(), static_cast<size_t>(length));
  if (length > 0) std::memcpy(buffer.Data(), bytes.const_data_ptr(), static_cast<size_t>(length));
  return buffer;
}

// swapBytes_(storage, itemSize): reverses the bytes of each item, in place.
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
  Export<ReadStorages>(env, exports, "readStorages");
  Export<MapStorages>(env, exports, "mapStorages");
  Export<ViewOfStorage>(env, exports, "viewOfStorage");
  Export<StorageId>(env, exports, "storageId");
  Export<StorageBytes>(env, exports, "storageBytes");
  Export<CopyStorage>(env, exports, "copyStorage");
  Export<SwapBytes>(env, exports, "swapBytes_");
}

}  // namespace napi_torch
