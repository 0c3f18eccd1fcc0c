#pragma once

#include <napi.h>

namespace napi_torch {

// Random number generators, and the functions that draw from them.
void InitRandom(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
