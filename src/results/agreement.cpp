#include "agreement.hpp"

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {

void together(const boost::mpi::communicator& comm, const std::function<void()>& step,
              const std::function<void()>& clean_up) {
  try {
    agree(comm, step, clean_up);
  } catch (const AgreedError& error) {
    switch (error.exit_code()) {
      case ExitCode::cannot_create:
        throw CannotCreateError(error.what());
      case ExitCode::io_error:
        throw IoError(error.what());
      default:
        throw InternalError(error.what());
    }
  }
}

}  // namespace orbitmill
