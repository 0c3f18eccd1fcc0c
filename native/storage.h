#pragma once

#include <napi.h>

namespace napi_torch {

// Raw storages: what readers and writers of checkpoint files fill and empty.
void InitStorage(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
