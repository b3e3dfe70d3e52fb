/// The error types of orbitmill, one for each documented exit code (sysexits.h numbering).
///
/// Every message says what the user wrote (in quotes), what was expected, and what fixes it. Code
/// below app/ throws; app/ catches once, prints once and leaves with `exit_code()`.
#pragma once

#include <stdexcept>
#include <string>

namespace orbitmill {

/// Exit codes of the `orbitmill` command.
enum class ExitCode : int {
  done = 0,
  usage = 2,           ///< the command line or the way the program was launched is wrong
  bad_job = 65,        ///< the job file or the register it describes is wrong
  internal = 70,       ///< orbitmill itself failed; a certificate that does not close is here
  cannot_create = 73,  ///< the output cannot be created (folder, permission, row limit, memory)
  io_error =
      74,  ///< reading or writing failed on the way (disk full, damaged file), or verify failed
  stopped = 75,  ///< stopped after a checkpoint; the same command goes on
};

/// Base of all errors that orbitmill throws on purpose.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode exit_code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// An option, a value or a launch that makes no sense. Example: `--threads 0`.
struct UsageError : Error {
  explicit UsageError(const std::string& message) : Error(ExitCode::usage, message) {}
};

/// A register or job that cannot be decomposed. Example: feedback `1,2` (no x0, so singular).
struct JobError : Error {
  explicit JobError(const std::string& message) : Error(ExitCode::bad_job, message) {}
};

/// A broken promise inside orbitmill. Example: the cycle lengths do not sum to q^n.
struct InternalError : Error {
  explicit InternalError(const std::string& message) : Error(ExitCode::internal, message) {}
};

/// The output cannot come into being. Example: `-o missing-folder/a.h5`.
struct CannotCreateError : Error {
  explicit CannotCreateError(const std::string& message)
      : Error(ExitCode::cannot_create, message) {}
};

/// Reading or writing failed half way. Example: the disk is full.
struct IoError : Error {
  explicit IoError(const std::string& message) : Error(ExitCode::io_error, message) {}
};

}  // namespace orbitmill
