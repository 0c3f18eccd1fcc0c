#pragma once

#include <napi.h>

namespace napi_torch {

// Creation of tensors, their metadata, and copies of their data.
void InitTensor(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
