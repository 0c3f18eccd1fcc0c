#pragma once

#include <napi.h>

namespace napi_torch {

// Engines: lanes of an executor, plans, and their runs.
void InitEngine(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
