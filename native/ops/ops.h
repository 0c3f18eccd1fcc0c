// The families of operators, each in the file of its name, as thin calls of at::; and all others, by name.
#pragma once

#include <napi.h>

namespace napi_torch {

void InitShape(Napi::Env env, Napi::Object exports);
void InitArithmetic(Napi::Env env, Napi::Object exports);
void InitReduce(Napi::Env env, Napi::Object exports);
void InitNn(Napi::Env env, Napi::Object exports);
void InitAten(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
