#pragma once

#include <napi.h>

namespace napi_torch {

// Image kernels. They run on pool threads and know nothing of libtorch.
void InitImage(Napi::Env env, Napi::Object exports);
void InitDecode(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
