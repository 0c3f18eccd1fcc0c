#pragma once

#include <napi.h>

namespace napi_torch {

// Generators and everything that draws from them.
void InitRandom(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
