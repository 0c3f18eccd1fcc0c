#pragma once

#include <napi.h>

namespace napi_torch {

// Engines, their plans, and the runs of plans.
void InitEngine(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
