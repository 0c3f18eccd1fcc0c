// The table of JavaScript's dtype names and libtorch's scalar types. Mirrors DTYPES in lib/util/dtype.ts.
#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <optional>
#include <string_view>

namespace napi_torch {

struct DTypeName {
  std::string_view name;
  at::ScalarType type;
};

constexpr std::array<DTypeName, 10> kDTypes = {{
    {"float32", at::ScalarType::Float},
    {"float64", at::ScalarType::Double},
    {"float16", at::ScalarType::Half},
    {"bfloat16", at::ScalarType::BFloat16},
    {"int8", at::ScalarType::Char},
    {"int16", at::ScalarType::Short},
    {"int32", at::ScalarType::Int},
    {"int64", at::ScalarType::Long},
    {"uint8", at::ScalarType::Byte},
    {"bool", at::ScalarType::Bool},
}};

// The typed arrays of JavaScript rely on these sizes.
static_assert(sizeof(float) == 4 && sizeof(double) == 8 && sizeof(at::Half) == 2 && sizeof(at::BFloat16) == 2);
static_assert(sizeof(bool) == 1);

constexpr std::optional<at::ScalarType> DTypeOf(std::string_view name) {
  for (const DTypeName& entry : kDTypes) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

constexpr std::optional<std::string_view> NameOf(at::ScalarType type) {
  for (const DTypeName& entry : kDTypes) {
    if (entry.type == type) return entry.name;
  }
  return std::nullopt;
}

static_assert(DTypeOf("bfloat16") == at::ScalarType::BFloat16 && NameOf(at::ScalarType::Long) == "int64");
static_assert(!DTypeOf("complex64") && !NameOf(at::ScalarType::ComplexFloat));

}  // namespace napi_torch
