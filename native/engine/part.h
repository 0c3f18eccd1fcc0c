// A part of the specification of a plan, as JavaScript hands it over.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/core/Device.h>
#include <napi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace napi_torch::engine {

// A value, and the path to it that errors name. Readers throw unless it is what they read.
class Part {
 public:
  Part(Napi::Value value, std::string path) : value_(value), path_(std::move(path)) {}

  Part operator[](const char* key) const;

  bool Has(const char* key) const { return value_.IsObject() && value_.As<Napi::Object>().Has(key); }
  bool IsNull() const { return value_.IsNull() || value_.IsUndefined(); }
  bool IsNumber() const { return value_.IsNumber(); }

  std::vector<Part> Items() const;
  int64_t Integer(int64_t least, int64_t most) const;
  std::array<int64_t, 2> Pair(int64_t least, int64_t most) const;
  // An index into a list of `count` items.
  size_t Index(size_t count) const { return static_cast<size_t>(Integer(0, static_cast<int64_t>(count) - 1)); }
  bool Boolean() const;
  std::string Text() const;
  at::ScalarType DType() const;
  // With an index. Throws TORCH_CUDA_UNAVAILABLE where there is none such.
  at::Device Device() const;
  at::Tensor Tensor(const at::Device& device = at::kCPU) const;
  c10::IValue Literal(const c10::TypePtr& type) const;

  const Napi::Value& value() const { return value_; }
  const std::string& path() const { return path_; }
  Napi::Error Wrong(const std::string& what) const;

 private:
  Napi::Value value_;
  std::string path_;
};

}  // namespace napi_torch::engine
