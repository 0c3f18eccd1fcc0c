#pragma once

#include <napi.h>

namespace napi_torch {

// Version, threads and what of CUDA can be asked without CUDA headers.
void InitRuntime(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
