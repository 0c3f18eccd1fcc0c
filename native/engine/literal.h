// Arguments of operators from values of JavaScript, by the types that the schema of the operator has.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <napi.h>

#include <string>

namespace napi_torch::engine {

// `name` is the argument's in the error of what does not fit. Not for tensors.
c10::IValue ToLiteral(Napi::Value value, const c10::TypePtr& type, const std::string& name);

}  // namespace napi_torch::engine
