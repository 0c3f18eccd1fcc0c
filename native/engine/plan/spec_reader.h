// Reads the specification of a plan, as JavaScript passes it.
#pragma once

#include <napi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace napi_torch::engine {

// A value of the specification, and its path, which errors name. Each reader throws TORCH_INVALID_ARGUMENT unless the
// value is of its type.
class SpecReader {
 public:
  SpecReader(Napi::Value value, std::string path) : value_(value), path_(std::move(path)) {}

  SpecReader operator[](const char* key) const;

  bool Has(const char* key) const { return value_.IsObject() && value_.As<Napi::Object>().Has(key); }
  bool IsNull() const { return value_.IsNull() || value_.IsUndefined(); }
  bool IsNumber() const { return value_.IsNumber(); }
  bool IsString() const { return value_.IsString(); }

  std::vector<SpecReader> Items() const;
  int64_t Integer(int64_t min, int64_t max) const;
  std::array<int64_t, 2> Pair(int64_t min, int64_t max) const;
  // An index into a list of `count` items.
  size_t Index(size_t count) const { return static_cast<size_t>(Integer(0, static_cast<int64_t>(count) - 1)); }
  float Float() const;
  bool Boolean() const;
  std::string Text() const;

  const Napi::Value& value() const { return value_; }
  const std::string& path() const { return path_; }
  // The error of a value that is not `what`.
  Napi::Error Expected(const std::string& what) const;

 private:
  Napi::Value value_;
  std::string path_;
};

}  // namespace napi_torch::engine
