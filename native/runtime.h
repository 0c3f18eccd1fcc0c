#pragma once

#include <napi.h>

namespace napi_torch {

// Versions, threads, and the queries about CUDA that need no CUDA headers.
void InitRuntime(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
