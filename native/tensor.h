#pragma once

#include <napi.h>

namespace napi_torch {

// Creation, metadata and data out.
void InitTensor(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
