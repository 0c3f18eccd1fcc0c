// The native tensor handle: a type-tagged JavaScript object that owns one at::Tensor until it is disposed or collected.
#pragma once

#include <ATen/core/Tensor.h>
#include <napi.h>

#include <string>

namespace napi_torch {

Napi::Value WrapTensor(Napi::Env env, at::Tensor tensor);

// Whether `value` is a handle of this addon, disposed or not.
bool IsTensor(Napi::Value value);

// The tensor of a live handle; `name` is the argument in the error of another value. The reference is valid until the
// handle is disposed: copy it before calling back into JavaScript.
const at::Tensor& UnwrapTensor(Napi::Value value, const std::string& name);

void InitHandle(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
